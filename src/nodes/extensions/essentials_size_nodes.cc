// Nodes of ComfyUI_essentials (github.com/cubiq/ComfyUI_essentials): pictures in other sizes, and their parts.
#include <algorithm>

#include "image/edit/elementwise.h"
#include "image/edit/latents.h"
#include "image/edit/masks.h"
#include "image/edit/pictures.h"
#include "image/scale/resize.h"
#include "node_api/table.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/sizes.h"

namespace easel::nodes {
namespace {

constexpr const char* kOrigin = "essentials";

struct WantedSize {
  int64_t width = 512, height = 512;
  std::string method, condition;
  int64_t multiple_of = 0;
};
struct Resize : WantedSize {
  Linked<Image> image;
  std::string interpolation;
};

// How a picture is resized, which part of it is kept, and how much is padded around it.
struct Fit {
  image::Size size;
  bool cut = false;
  int64_t x = 0, y = 0, kept_width = 0, kept_height = 0;
  image::Sides padding;
};

double ratio(int64_t a, int64_t b) { return static_cast<double>(a) / static_cast<double>(b); }

Fit fit_inside(image::Size now, int64_t width, int64_t height, bool padded) {
  const auto [ow, oh] = now;
  if (width == 0) width = oh < height ? kMaxSide : ow;
  if (height == 0) height = ow < width ? kMaxSide : oh;
  const double scale = std::min(ratio(width, ow), ratio(height, oh));
  Fit out;
  out.size = image::scaled_by(now, scale);
  if (padded) {
    out.padding.left = (width - out.size.width) / 2;
    out.padding.right = width - out.size.width - out.padding.left;
    out.padding.top = (height - out.size.height) / 2;
    out.padding.bottom = height - out.size.height - out.padding.top;
  }
  return out;
}

Fit fill(image::Size now, int64_t width, int64_t height) {
  const auto [ow, oh] = now;
  if (width == 0) width = ow;
  if (height == 0) height = oh;
  const double scale = std::max(ratio(width, ow), ratio(height, oh));
  Fit out;
  out.size = image::scaled_by(now, scale);
  out.cut = true;
  out.x = std::max<int64_t>(0, (out.size.width - width) / 2);
  out.y = std::max<int64_t>(0, (out.size.height - height) / 2);
  out.kept_width = std::min(width, out.size.width - out.x);
  out.kept_height = std::min(height, out.size.height - out.y);
  return out;
}

Fit fit_of(const WantedSize& in, image::Size now) {
  int64_t width = in.width, height = in.height;
  if (in.multiple_of > 1) {
    width -= width % in.multiple_of;
    height -= height % in.multiple_of;
  }
  if (in.method == "keep proportion" || in.method == "pad") return fit_inside(now, width, height, in.method == "pad");
  if (in.method == "fill / crop") return fill(now, width, height);
  Fit out;
  out.size = {width > 0 ? width : now.width, height > 0 ? height : now.height};
  return out;
}

// As in the original, the condition refers to the size before the overhang is cropped.
bool is_to_be_resized(const WantedSize& in, image::Size now, image::Size to) {
  const auto [ow, oh] = now;
  if (in.condition == "downscale if bigger") return oh > to.height || ow > to.width;
  if (in.condition == "upscale if smaller") return oh < to.height || ow < to.width;
  if (in.condition == "if bigger area") return oh * ow > to.height * to.width;
  if (in.condition == "if smaller area") return oh * ow < to.height * to.width;
  return true;
}

Results<Image, int64_t, int64_t> resize(const Resize& in) {
  const image::Size now = image::size_of(*in.image);
  const Fit fit = fit_of(in, now);
  Tensor out = *in.image;
  if (is_to_be_resized(in, now, fit.size)) {
    out = image::resize(
        out, fit.size,
        in.interpolation == "nearest" ? image::ResizeMethod::kNearest : image::resize_method(in.interpolation));
    if (in.method == "pad") out = image::pad(out, fit.padding, 0.0f);
    if (fit.cut) out = image::crop(out, {fit.kept_width, fit.kept_height}, fit.x, fit.y);
  }
  if (const int64_t step = in.multiple_of; step > 1) {
    const int64_t more_x = out.dim(2) % step, more_y = out.dim(1) % step;
    if (more_x == out.dim(2) || more_y == out.dim(1))
      throw Error(Fault::kInvalid, "nothing is left of a picture of " + std::to_string(out.dim(2)) + "x" +
                                       std::to_string(out.dim(1)) + " at multiples of " + std::to_string(step))
          .at_input("multiple_of");
    if (more_x || more_y) out = image::crop(out, {out.dim(2) - more_x, out.dim(1) - more_y}, more_x / 2, more_y / 2);
  }
  out = image::map(out, [](float v) { return std::clamp(v, 0.0f, 1.0f); });
  const int64_t width = out.dim(2), height = out.dim(1);
  return {std::move(out), width, height};
}

Foreseen<Image, int64_t, int64_t> foresee_resized(const Known<Resize>& in, Call& call) {
  const ForeseenPicture* known = in(&Resize::image);
  if (!known) return {};
  const WantedSize wanted{in(&Resize::width), in(&Resize::height), in(&Resize::method), in(&Resize::condition),
                          in(&Resize::multiple_of)};
  image::Size size = size_of(*known);
  const Fit fit = fit_of(wanted, size);
  if (is_to_be_resized(wanted, size, fit.size))
    size = fit.cut ? image::Size{fit.kept_width, fit.kept_height}
                   : image::Size{fit.size.width + fit.padding.left + fit.padding.right,
                                 fit.size.height + fit.padding.top + fit.padding.bottom};
  if (const int64_t step = wanted.multiple_of; step > 1)
    size = {size.width - size.width % step, size.height - size.height % step};
  if (size.width < 1 || size.height < 1) return {};
  for (const char* input : {"width", "height", "method", "condition", "multiple_of"})
    if (call.awaits(input)) return {};
  return {in_size(*known, size), size.width, size.height};
}

struct OnePicture {
  Linked<Image> image;
};

Foreseen<int64_t, int64_t, int64_t> foresee_counted(const Known<OnePicture>& in) {
  const ForeseenPicture* known = in(&OnePicture::image);
  if (!known) return {};
  return {known->width, known->height, std::nullopt};  // a file may hold fewer pictures of one size than it says
}

Results<int64_t, int64_t, int64_t> counted(const OnePicture& in) {
  return {in.image->dim(2), in.image->dim(1), in.image->dim(0)};
}

struct WantedPart {
  int64_t width = 256, height = 256;
  std::string position;
  int64_t x_offset = 0, y_offset = 0;
};
struct Crop : WantedPart {
  Linked<Image> image;
};
struct Part {
  int64_t x = 0, y = 0;
  image::Size size;
};

// Throws Error(kInvalid) when it lies outside of the picture.
Part part_within(const WantedPart& in, image::Size whole) {
  const auto [ow, oh] = whole;
  const int64_t width = std::min(ow, in.width), height = std::min(oh, in.height);
  const auto has = [&](const char* word) { return in.position.find(word) != std::string::npos; };
  int64_t x = has("center") ? image::round_half_even(ratio(ow - width, 2)) : 0;
  int64_t y = has("center") ? image::round_half_even(ratio(oh - height, 2)) : 0;
  if (has("top")) y = 0;
  if (has("bottom")) y = oh - height;
  if (has("left")) x = 0;
  if (has("right")) x = ow - width;
  x += in.x_offset;
  y += in.y_offset;
  const int64_t x2 = std::min(x + width, ow), y2 = std::min(y + height, oh);
  x = std::max<int64_t>(x, 0);
  y = std::max<int64_t>(y, 0);
  if (x2 <= x || y2 <= y)
    throw Error(Fault::kInvalid,
                "the part lies outside of a picture of " + std::to_string(ow) + "x" + std::to_string(oh))
        .fix("Use smaller offsets, and a width and height of at least 1");
  return {x, y, {x2 - x, y2 - y}};
}

Results<Image, int64_t, int64_t> crop(const Crop& in) {
  const Part part = part_within(in, image::size_of(*in.image));
  return {image::crop(*in.image, part.size, part.x, part.y), part.x, part.y};
}

Foreseen<Image, int64_t, int64_t> foresee_part(const Known<Crop>& in, Call& call) {
  const ForeseenPicture* known = in(&Crop::image);
  if (!known) return {};
  for (const char* input : {"width", "height", "position", "x_offset", "y_offset"})
    if (call.awaits(input)) return {};
  const Part part =
      part_within({in(&Crop::width), in(&Crop::height), in(&Crop::position), in(&Crop::x_offset), in(&Crop::y_offset)},
                  size_of(*known));
  return {in_size(*known, part.size), part.x, part.y};
}

Tensor flipped(Tensor pixels, bool over_x, bool over_y) {
  if (over_y) pixels = image::flip(pixels, image::Flip::kVertical);
  if (over_x) pixels = image::flip(pixels, image::Flip::kHorizontal);
  return pixels;
}

struct FlipPictures {
  Linked<Image> image;
  std::string axis;
};
struct FlipMask {
  Linked<Mask> mask;
  std::string axis;
};

bool names(const std::string& axis, char one) { return axis.find(one) != std::string::npos; }

}  // namespace

void register_essentials_size_nodes(Table& table) {
  table.add(NodeOf<Resize>{
      .name = "ImageResize+",
      .display = "Image Resize",
      .category = "essentials/image manipulation",
      .description =
          "Resizes pictures: stretched, fitted into the size, filling and cropped to it, or padded with black.",
      .origin = kOrigin,
      .inputs = {Link("image", &Resize::image),
                 Int("width", &Resize::width).range(0, kMaxSide).step(1).tip("0: the picture's own."),
                 Int("height", &Resize::height).range(0, kMaxSide).step(1).tip("0: the picture's own."),
                 Choice("interpolation", &Resize::interpolation,
                        {"nearest", "bilinear", "bicubic", "area", "nearest-exact", "lanczos"}),
                 Choice("method", &Resize::method, {"stretch", "keep proportion", "fill / crop", "pad"}).added_later(),
                 Choice("condition", &Resize::condition,
                        {"always", "downscale if bigger", "upscale if smaller", "if bigger area", "if smaller area"})
                     .added_later(),
                 Int("multiple_of", &Resize::multiple_of)
                     .range(0, 512)
                     .step(1)
                     .added_later()
                     .tip("Sides become multiples of it.")},
      .outputs = {{"IMAGE"}, {"width"}, {"height"}},
      .run = resize,
      .foresee = foresee_resized});
  table.add(NodeOf<OnePicture>{.name = "GetImageSize+",
                               .display = "Get Image Size",
                               .category = "essentials/image utils",
                               .description = "The size of pictures, and their number.",
                               .origin = kOrigin,
                               .inputs = {Link("image", &OnePicture::image)},
                               .outputs = {{"width"}, {"height"}, {"count"}},
                               .run = counted,
                               .foresee = foresee_counted});
  table.add(NodeOf<Crop>{.name = "ImageCrop+",
                         .display = "Image Crop",
                         .category = "essentials/image manipulation",
                         .description = "Crops pictures at one of nine positions.",
                         .origin = kOrigin,
                         .inputs = {Link("image", &Crop::image), Int("width", &Crop::width).range(0, kMaxSide).step(8),
                                    Int("height", &Crop::height).range(0, kMaxSide).step(8),
                                    Choice("position", &Crop::position,
                                           {"top-left", "top-center", "top-right", "right-center", "bottom-right",
                                            "bottom-center", "bottom-left", "left-center", "center"}),
                                    Int("x_offset", &Crop::x_offset).range(-99999, 99999).step(1),
                                    Int("y_offset", &Crop::y_offset).range(-99999, 99999).step(1)},
                         .outputs = {{"IMAGE"}, {"x"}, {"y"}},
                         .run = crop,
                         .foresee = foresee_part});
  table.add(NodeOf<FlipPictures>{
      .name = "ImageFlip+",
      .display = "Image Flip",
      .category = "essentials/image manipulation",
      .description = "Mirrors pictures along one axis or both.",
      .origin = kOrigin,
      .inputs = {Link("image", &FlipPictures::image), Choice("axis", &FlipPictures::axis, {"x", "y", "xy"})},
      .run = [](const FlipPictures& in) -> Results<Image> {
        return {flipped(*in.image, names(in.axis, 'x'), names(in.axis, 'y'))};
      },
      .foresee = like<FlipPictures>(&FlipPictures::image)});
  table.add(NodeOf<FlipMask>{
      .name = "MaskFlip+",
      .display = "Mask Flip",
      .category = "essentials/mask",
      .description = "Mirrors masks along one axis or both.",
      .origin = kOrigin,
      .inputs = {Link("mask", &FlipMask::mask), Choice("axis", &FlipMask::axis, {"x", "y", "xy"})},
      .run = [](const FlipMask& in) -> Results<Mask> {
        return {image::as_mask(flipped(image::as_picture(*in.mask), names(in.axis, 'x'), names(in.axis, 'y')))};
      },
      .foresee = like<FlipMask>(&FlipMask::mask)});
}

}  // namespace easel::nodes
