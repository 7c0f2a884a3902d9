// Nodes that fit pictures to a size, or put them side by side.
#include <algorithm>

#include "image/edit/pictures.h"
#include "image/scale/resize.h"
#include "node_api/table.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/sizes.h"
#include "ops/arithmetic/formula.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

Tensor resized(const Tensor& pixels, image::Size size, const std::string& method) {
  return image::resize(pixels, size, image::resize_method(method));
}

struct ScaleToSide {
  Linked<Image> image;
  std::string upscale_method;
  int64_t largest_size = 512;
};

void check_side(const ScaleToSide& in) {
  if (in.largest_size < 1) throw Error(Fault::kInvalid, "must be above 0").at_input("largest_size");
}

// The size in which the longer side has so many pixels.
image::Size size_of_side(image::Size now, int64_t side) {
  const auto [w, h] = now;
  const auto other = [side](int64_t shorter, int64_t longer) {
    return image::round_half_even(static_cast<double>(shorter) / static_cast<double>(longer) *
                                  static_cast<double>(side));
  };
  return {h > w ? other(w, h) : side, w > h ? other(h, w) : side};
}

Results<Image> scale_to_side(const ScaleToSide& in) {
  return {resized(*in.image, size_of_side(image::size_of(*in.image), in.largest_size), in.upscale_method)};
}

Foreseen<Image> foresee_side(const Known<ScaleToSide>& in) {
  const ForeseenPicture* known = in(&ScaleToSide::image);
  if (!known) return {};
  return {in_size(*known, size_of_side(size_of(*known), in(&ScaleToSide::largest_size)))};
}

struct ResizeAndPad {
  Linked<Image> image;
  int64_t target_width = 512, target_height = 512;
  bool white = true;
  std::string interpolation;
};

Results<Image> resize_and_pad(const ResizeAndPad& in) {
  const auto w = static_cast<double>(in.image->dim(2)), h = static_cast<double>(in.image->dim(1));
  const double scale = std::min(static_cast<double>(in.target_width) / w, static_cast<double>(in.target_height) / h);
  const image::Size size{static_cast<int64_t>(w * scale), static_cast<int64_t>(h * scale)};
  const int64_t left = (in.target_width - size.width) / 2, top = (in.target_height - size.height) / 2;
  return {image::pad(resized(*in.image, size, in.interpolation),
                     {left, top, in.target_width - size.width - left, in.target_height - size.height - top},
                     in.white ? 1.0f : 0.0f)};
}

Foreseen<Image> foresee_padded(const Known<ResizeAndPad>& in) {
  const ForeseenPicture* known = in(&ResizeAndPad::image);
  if (!known) return {};
  return {in_size(*known, {in(&ResizeAndPad::target_width), in(&ResizeAndPad::target_height)})};
}

// Centres `pixels` on a background of the given height or width.
Tensor padded_to(const Tensor& pixels, int64_t side, bool beside, float value) {
  const int64_t more = side - pixels.dim(beside ? 1 : 2), before = more / 2;
  return more <= 0 ? pixels
                   : image::pad(
                         pixels,
                         beside ? image::Sides{0, before, 0, more - before} : image::Sides{before, 0, more - before, 0},
                         value);
}

Tensor with_channels(const Tensor& pixels, int64_t channels) {
  if (pixels.dim(3) >= channels) return pixels;
  return ops::concat(
      {pixels, Tensor::full({pixels.dim(0), pixels.dim(1), pixels.dim(2), channels - pixels.dim(3)}, 1.0f)}, -1);
}

// Repeats the last picture until there are `count`, as ImageStitch does.
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
  for (int64_t c = 0; c < std::min<int64_t>(channels, 4); ++c)
    ops::update(out.slice(3, c, 1), [value = values[c]](auto) { return value; });
  return out;
}

struct Stitch {
  Linked<Image> image1;
  std::string direction = "right";
  bool match_image_size = true;
  int64_t spacing_width = 0;
  std::string spacing_color = "white";
  MaybeLinked<Image> image2;
};

// The second picture's size when it is brought to the height, or width, of the first.
image::Size size_beside(image::Size first, image::Size second, bool beside) {
  const double ratio = static_cast<double>(second.width) / static_cast<double>(second.height);
  return beside ? image::Size{static_cast<int64_t>(static_cast<double>(first.height) * ratio), first.height}
                : image::Size{first.width, static_cast<int64_t>(static_cast<double>(first.width) / ratio)};
}

bool is_beside(const std::string& direction) { return direction == "left" || direction == "right"; }
int64_t even_width(int64_t spacing) { return spacing + spacing % 2; }

Foreseen<Image> foresee_stitched(const Known<Stitch>& in, Call& call) {
  const Value* first = call.linked("image1");
  if (!call.linked("image2") && !call.awaits("image2") && first) return {Handed{*first}};
  const ForeseenPicture *a = in(&Stitch::image1), *b = in(&Stitch::image2);
  if (!a || !b || b->width == 0 || b->height == 0) return {};
  const bool beside = is_beside(in(&Stitch::direction));
  const image::Size second =
      in(&Stitch::match_image_size) ? size_beside(size_of(*a), size_of(*b), beside) : size_of(*b);
  const int64_t spacing = even_width(in(&Stitch::spacing_width));
  const image::Size whole = beside ? image::Size{a->width + spacing + second.width, std::max(a->height, second.height)}
                                   : image::Size{std::max(a->width, second.width), a->height + spacing + second.height};
  ForeseenPicture out = in_number(in_size(*a, whole), std::max(a->count, b->count));
  out.channels = std::max(a->channels, b->channels);
  return {out};
}

Results<Image> stitch(const Stitch& in) {
  if (!in.image2) return {in.image1};
  const bool beside = is_beside(in.direction);
  const int64_t count = std::max(in.image1->dim(0), in.image2->dim(0));
  Tensor a = with_count(*in.image1, count), b = with_count(*in.image2, count);
  if (in.match_image_size) {
    b = resized(b, size_beside(image::size_of(a), image::size_of(b), beside), "lanczos");
  } else {
    const int64_t side = std::max(a.dim(beside ? 1 : 2), b.dim(beside ? 1 : 2));
    const float value = in.spacing_color == "white" ? 1.0f : 0.0f;
    a = padded_to(a, side, beside, value);
    b = padded_to(b, side, beside, value);
  }
  const int64_t channels = std::max(a.dim(3), b.dim(3));
  a = with_channels(a, channels);
  b = with_channels(b, channels);
  if (in.direction == "left" || in.direction == "up") std::swap(a, b);
  const int64_t even = even_width(in.spacing_width);
  const int dim = beside ? 2 : 1;
  return {even > 0 ? ops::concat({a, ruler(a, b, beside, even, in.spacing_color), b}, dim) : ops::concat({a, b}, dim)};
}

}  // namespace

void register_image_fit_nodes(Table& table) {
  table.add(
      NodeOf<ScaleToSide>{.name = "ImageScaleToMaxDimension",
                          .category = "image/upscaling",
                          .description = "Resizes pictures so that the longer side has the given number of pixels.",
                          .inputs = {Link("image", &ScaleToSide::image),
                                     Choice("upscale_method", &ScaleToSide::upscale_method,
                                            {"area", "lanczos", "bilinear", "nearest-exact", "bicubic"}),
                                     Int("largest_size", &ScaleToSide::largest_size).range(0, kMaxSide).step(1)},
                          .run = scale_to_side,
                          .check = check_side,
                          .foresee = foresee_side});
  table.add(NodeOf<ResizeAndPad>{
      .name = "ResizeAndPadImage",
      .category = "image/transform",
      .description = "Resizes pictures to fit into a size and pads them; nothing is cropped.",
      .inputs = {Link("image", &ResizeAndPad::image),
                 Int("target_width", &ResizeAndPad::target_width).range(1, kMaxSide).step(1),
                 Int("target_height", &ResizeAndPad::target_height).range(1, kMaxSide).step(1),
                 Choice("padding_color", &ResizeAndPad::white, {{"white", true}, {"black", false}}),
                 Choice("interpolation", &ResizeAndPad::interpolation,
                        {"area", "bicubic", "nearest-exact", "bilinear", "lanczos"})},
      .run = resize_and_pad,
      .foresee = foresee_padded});
  table.add(NodeOf<Stitch>{
      .name = "ImageStitch",
      .display = "Image Stitch",
      .category = "image/transform",
      .description = "Puts image2 beside, above or below image1.",
      .inputs = {Link("image1", &Stitch::image1),
                 Choice("direction", &Stitch::direction, {"right", "down", "left", "up"}),
                 Bool("match_image_size", &Stitch::match_image_size)
                     .tip("Brings the second picture to the first one's height or width."),
                 Int("spacing_width", &Stitch::spacing_width).range(0, 1024).step(2),
                 Choice("spacing_color", &Stitch::spacing_color, {"white", "black", "red", "green", "blue"}),
                 Link("image2", &Stitch::image2)},
      .run = stitch,
      .foresee = foresee_stitched});
}

}  // namespace easel::nodes
