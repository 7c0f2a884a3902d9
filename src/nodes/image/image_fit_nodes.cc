// Pictures brought to a size, and put side by side.
#include <algorithm>

#include "image/edit/pictures.h"
#include "image/scale/resize.h"
#include "node_api/table.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

constexpr int kMaxSide = 16384;

Tensor resized(const Tensor& pixels, image::Size size, const std::string& method) {
  return image::resize(pixels, size, image::resize_method(method));
}

Outputs scale_to_side(Call& call) {
  const Tensor& pixels = call.tensor("image");
  const int64_t side = call.integer("largest_size"), h = pixels.dim(1), w = pixels.dim(2);
  const auto other = [side](int64_t shorter, int64_t longer) {
    return image::round_half_even(static_cast<double>(shorter) / static_cast<double>(longer) *
                                  static_cast<double>(side));
  };
  const image::Size size{h > w ? other(w, h) : side, w > h ? other(h, w) : side};
  return {image(resized(pixels, size, call.text("upscale_method")))};
}

Outputs resize_and_pad(Call& call) {
  const Tensor& pixels = call.tensor("image");
  const int64_t width = call.integer("target_width"), height = call.integer("target_height");
  const auto w = static_cast<double>(pixels.dim(2)), h = static_cast<double>(pixels.dim(1));
  const double scale = std::min(static_cast<double>(width) / w, static_cast<double>(height) / h);
  const image::Size size{static_cast<int64_t>(w * scale), static_cast<int64_t>(h * scale)};
  const int64_t left = (width - size.width) / 2, top = (height - size.height) / 2;
  return {image(image::pad(resized(pixels, size, call.text("interpolation")),
                           {left, top, width - size.width - left, height - size.height - top},
                           call.text("padding_color") == "white" ? 1.0f : 0.0f))};
}

// `pixels` on a ground so high, or so wide, in its middle.
Tensor padded_to(const Tensor& pixels, int64_t side, bool beside, float value) {
  const int64_t more = side - pixels.dim(beside ? 1 : 2), first = more / 2;
  return more <= 0
             ? pixels
             : image::pad(pixels,
                          beside ? image::Sides{0, first, 0, more - first} : image::Sides{first, 0, more - first, 0},
                          value);
}

Tensor with_channels(const Tensor& pixels, int64_t channels) {
  if (pixels.dim(3) >= channels) return pixels;
  return ops::concat(
      {pixels, Tensor::full({pixels.dim(0), pixels.dim(1), pixels.dim(2), channels - pixels.dim(3)}, 1.0f)}, -1);
}

// The last picture is repeated, as ImageStitch does.
Tensor with_count(const Tensor& pixels, int64_t count) {
  if (pixels.dim(0) >= count) return pixels;
  return ops::concat({pixels, ops::repeat(pixels.slice(0, pixels.dim(0) - 1, 1), count - pixels.dim(0))}, 0);
}

Tensor ruler(const Tensor& a, const Tensor& b, bool beside, int64_t width, const std::string& colour) {
  const int64_t channels = a.dim(3);
  Tensor out = beside ? Tensor::zeros({a.dim(0), std::max(a.dim(1), b.dim(1)), width, channels})
                      : Tensor::zeros({a.dim(0), width, std::max(a.dim(2), b.dim(2)), channels});
  const float values[] = {colour == "white" || colour == "red" ? 1.0f : 0.0f,
                          colour == "white" || colour == "green" ? 1.0f : 0.0f,
                          colour == "white" || colour == "blue" ? 1.0f : 0.0f, 1.0f};
  for (int64_t i = 0; i < out.numel(); ++i)
    if (i % channels < 4) out.f32()[i] = values[i % channels];
  return out;
}

Outputs stitch(Call& call) {
  if (!call.has("image2")) return {image(call.tensor("image1"))};
  const std::string &direction = call.text("direction"), &colour = call.text("spacing_color");
  const bool beside = direction == "left" || direction == "right";
  const int64_t count = std::max(call.tensor("image1").dim(0), call.tensor("image2").dim(0));
  Tensor a = with_count(call.tensor("image1"), count), b = with_count(call.tensor("image2"), count);
  if (call.flag("match_image_size")) {
    const double ratio = static_cast<double>(b.dim(2)) / static_cast<double>(b.dim(1));
    const image::Size size = beside
                                 ? image::Size{static_cast<int64_t>(static_cast<double>(a.dim(1)) * ratio), a.dim(1)}
                                 : image::Size{a.dim(2), static_cast<int64_t>(static_cast<double>(a.dim(2)) / ratio)};
    b = resized(b, size, "lanczos");
  } else {
    const int64_t side = std::max(a.dim(beside ? 1 : 2), b.dim(beside ? 1 : 2));
    const float value = colour == "white" ? 1.0f : 0.0f;
    a = padded_to(a, side, beside, value), b = padded_to(b, side, beside, value);
  }
  const int64_t channels = std::max(a.dim(3), b.dim(3));
  a = with_channels(a, channels), b = with_channels(b, channels);
  if (direction == "left" || direction == "up") std::swap(a, b);
  const int64_t width = call.integer("spacing_width"), even = width + width % 2;
  const int dim = beside ? 2 : 1;
  return {image(even > 0 ? ops::concat({a, ruler(a, b, beside, even, colour), b}, dim) : ops::concat({a, b}, dim))};
}

}  // namespace

void register_image_fit_nodes(Table& table) {
  table.add({.name = "ImageScaleToMaxDimension",
             .category = "image/upscaling",
             .description = "Resizes pictures so that the longer side has so many pixels.",
             .inputs = {Link("image", "IMAGE"),
                        Choice("upscale_method", {"area", "lanczos", "bilinear", "nearest-exact", "bicubic"}),
                        Int("largest_size").def(512).range(0, kMaxSide).step(1)},
             .outputs = {{"IMAGE"}},
             .run = scale_to_side});
  table.add(
      {.name = "ResizeAndPadImage",
       .category = "image/transform",
       .description = "Resizes pictures to fit into a size and fills what is left at the edges: nothing is cut.",
       .inputs = {Link("image", "IMAGE"), Int("target_width").def(512).range(1, kMaxSide).step(1),
                  Int("target_height").def(512).range(1, kMaxSide).step(1), Choice("padding_color", {"white", "black"}),
                  Choice("interpolation", {"area", "bicubic", "nearest-exact", "bilinear", "lanczos"})},
       .outputs = {{"IMAGE"}},
       .run = resize_and_pad});
  table.add(
      {.name = "ImageStitch",
       .display = "Image Stitch",
       .category = "image/transform",
       .description = "Puts the second picture beside, above or below the first.",
       .inputs =
           {Link("image1", "IMAGE"), Choice("direction", {"right", "down", "left", "up"}).def("right"),
            Bool("match_image_size").def(true).tip("Brings the second picture to the first one's height or width."),
            Int("spacing_width").def(0).range(0, 1024).step(2),
            Choice("spacing_color", {"white", "black", "red", "green", "blue"}).def("white"),
            Link("image2", "IMAGE").optional()},
       .outputs = {{"IMAGE"}},
       .run = stitch});
}

}  // namespace easel::nodes
