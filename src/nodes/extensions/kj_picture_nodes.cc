// Nodes of ComfyUI-KJNodes on masks and on pictures side by side.
#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "image/edit/enclosed.h"
#include "image/edit/filters.h"
#include "image/edit/masks.h"
#include "image/scale/resize.h"
#include "node_api/table.h"
#include "nodes/common/sizes.h"
#include "ops/arithmetic/formula.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

constexpr const char* kOrigin = "kjnodes";

// --- GrowMaskWithBlur ---

struct Grow {
  Linked<Mask> mask;
  int64_t expand = 0;
  double incremental_expandrate = 0.0;
  bool tapered_corners = true, flip_input = false;
  double blur_radius = 0.0, lerp_alpha = 1.0, decay_factor = 1.0;
  bool fill_holes = false;
};

// Mixes a mask with the one before it: alpha * mask + (1 - alpha) * before, then + decay * before, divided by its
// maximum. An alpha or decay of 1 leaves its step out.
Tensor trailing(Tensor mask, const Tensor& before, float alpha, float decay) {
  if (alpha < 1.0f) mask = ops::map([=](auto v, auto old) { return alpha * v + (1.0f - alpha) * old; }, mask, before);
  if (decay < 1.0f) {
    mask = ops::add(mask, before, decay);
    const std::span<const float> values = mask.values();
    const float most = *std::max_element(values.begin(), values.end());
    mask = ops::map([=](auto v) { return v / most; }, mask);
  }
  return mask;
}

Results<Mask, Mask> grow(const Grow& in) {
  const Tensor masks =
      contiguous(in.flip_input ? image::as_mask(image::invert(image::as_picture(*in.mask))) : *in.mask);
  std::vector<Tensor> out;
  auto expand = static_cast<double>(in.expand);
  for (int64_t i = 0; i < masks.dim(0); ++i) {
    Tensor one = contiguous(masks.slice(0, i, 1));
    if (const auto pixels = image::round_half_even(expand); pixels != 0)
      one = image::grow_mask(one, pixels, in.tapered_corners);
    expand += expand < 0 ? -in.incremental_expandrate : in.incremental_expandrate;
    if (in.fill_holes) one = image::fill_enclosed(contiguous(one));
    if (!out.empty())
      one = trailing(one, out.back(), static_cast<float>(in.lerp_alpha), static_cast<float>(in.decay_factor));
    out.push_back(contiguous(one));
  }
  Tensor grown = ops::concat(out, 0);
  if (in.blur_radius != 0) grown = image::as_mask(image::pillow_blur(image::as_picture(grown), in.blur_radius));
  Tensor inverted = image::as_mask(image::invert(image::as_picture(grown)));
  return {std::move(grown), std::move(inverted)};
}

// --- ImageConcanate ---

struct Beside {
  Linked<Image> image1, image2;
  std::string direction;
  bool match_image_size = true;
};

// Repeats the last picture until there are `count`, and adds an alpha of 1 if there are fewer channels than wanted.
Tensor matched(Tensor pixels, int64_t count, int64_t channels) {
  if (pixels.dim(0) < count)
    pixels =
        ops::concat({pixels, ops::repeat(contiguous(pixels.slice(0, pixels.dim(0) - 1, 1)), count - pixels.dim(0))}, 0);
  if (pixels.dim(3) < channels)
    pixels = ops::concat(
        {pixels, Tensor::full({pixels.dim(0), pixels.dim(1), pixels.dim(2), channels - pixels.dim(3)}, 1.0f)}, 3);
  return pixels;
}

// Pads a picture with black, symmetrically, to the height or width of the larger of the two.
Tensor centred(const Tensor& pixels, int64_t side, bool beside) {
  const int64_t more = side - pixels.dim(beside ? 1 : 2), before = more / 2;
  if (more <= 0) return pixels;
  return image::pad(
      pixels, beside ? image::Sides{0, before, 0, more - before} : image::Sides{before, 0, more - before, 0}, 0.0f);
}

// `fit`: the size to whose height, or width, the second picture is brought.
Tensor beside_each_other(Tensor image1, Tensor image2, const std::string& direction, std::optional<image::Size> fit) {
  const bool beside = direction == "left" || direction == "right";
  if (fit) {
    const double aspect = static_cast<double>(image2.dim(2)) / static_cast<double>(image2.dim(1));
    const image::Size size =
        beside ? image::Size{static_cast<int64_t>(static_cast<double>(fit->height) * aspect), fit->height}
               : image::Size{fit->width, static_cast<int64_t>(static_cast<double>(fit->width) / aspect)};
    image2 = image::antialias_bicubic(image2, size);
  }
  const int64_t count = std::max(image1.dim(0), image2.dim(0)), channels = std::max(image1.dim(3), image2.dim(3));
  const int64_t side = std::max(image1.dim(beside ? 1 : 2), image2.dim(beside ? 1 : 2));
  image1 = centred(matched(image1, count, channels), side, beside);
  image2 = centred(matched(image2, count, channels), side, beside);
  if (direction == "left" || direction == "up") std::swap(image1, image2);
  return ops::concat({image1, image2}, beside ? 2 : 1);
}

std::optional<image::Size> size_to_fit(bool match, const Tensor& image) {
  if (!match) return std::nullopt;
  return image::Size{image.dim(2), image.dim(1)};
}

Results<Image> concatenate(const Beside& in) {
  return {beside_each_other(*in.image1, *in.image2, in.direction, size_to_fit(in.match_image_size, *in.image1))};
}

// --- ImageConcatMulti ---

struct Row {
  int64_t inputcount = 2;
  Linked<Image> image_1;
  std::string direction;
  bool match_image_size = false;
};
constexpr int64_t kMostInRow = 40;

// Each picture is laid beside those before it; one that is not linked is black, in the size of the first.
Results<Image> concatenate_row(const Row& in, Call& call) {
  const Tensor& first = *in.image_1;
  const auto fit = size_to_fit(in.match_image_size, first);
  Tensor out = first;
  for (int64_t i = 2; i <= in.inputcount; ++i) {
    call.check_cancelled();
    const Value* next = call.linked("image_" + std::to_string(i));
    out = beside_each_other(out, next && !next->empty() ? next->as<Tensor>() : Tensor::zeros(first.shape()),
                            in.direction, fit);
  }
  return {std::move(out)};
}

Inputs<Row> row_inputs() {
  Inputs<Row> out{Int("inputcount", &Row::inputcount).range(2, kMostInRow).step(1), Link("image_1", &Row::image_1),
                  Choice("direction", &Row::direction, {"right", "down", "left", "up"}),
                  Bool("match_image_size", &Row::match_image_size)};
  for (int64_t i = 2; i <= kMostInRow; ++i) {
    Input<Row> one("image_" + std::to_string(i), "IMAGE", In::Member::kNone, &blank<Row>());
    one.set_known_when_checked(false);
    out.push_back(std::move(one).optional());
  }
  return out;
}

}  // namespace

void register_kj_picture_nodes(Table& table) {
  table.add(NodeOf<Grow>{
      .name = "GrowMaskWithBlur",
      .display = "Grow Mask With Blur",
      .category = "KJNodes/masking",
      .description = "Grows or shrinks masks, fills their holes, mixes each with the one before, and blurs them.",
      .origin = kOrigin,
      .inputs = {Link("mask", &Grow::mask), Int("expand", &Grow::expand).range(-kMaxSide, kMaxSide).step(1),
                 Float("incremental_expandrate", &Grow::incremental_expandrate)
                     .range(0.0, 100.0)
                     .step(0.1)
                     .tip("By how many pixels `expand` grows from mask to mask."),
                 Bool("tapered_corners", &Grow::tapered_corners), Bool("flip_input", &Grow::flip_input),
                 Float("blur_radius", &Grow::blur_radius).range(0.0, 100.0).step(0.1),
                 Float("lerp_alpha", &Grow::lerp_alpha)
                     .range(0.0, 1.0)
                     .step(0.01)
                     .tip("The share of a mask that remains when it is mixed with the one before."),
                 Float("decay_factor", &Grow::decay_factor)
                     .range(0.0, 1.0)
                     .step(0.01)
                     .tip("If below 1, the factor with which the mask before is added."),
                 Bool("fill_holes", &Grow::fill_holes).optional()},
      .outputs = {{"mask"}, {"mask_inverted"}},
      .run = grow});
  table.add(NodeOf<Beside>{.name = "ImageConcanate",
                           .display = "Image Concatenate",
                           .category = "KJNodes/image",
                           .description = "Puts the second picture beside, above or below the first.",
                           .origin = kOrigin,
                           .inputs = {Link("image1", &Beside::image1), Link("image2", &Beside::image2),
                                      Choice("direction", &Beside::direction, {"right", "down", "left", "up"}),
                                      Bool("match_image_size", &Beside::match_image_size)
                                          .tip("Resizes the second picture to the height or width of the first.")},
                           .run = concatenate});
  table.add(NodeOf<Row>{.name = "ImageConcatMulti",
                        .display = "Image Concatenate Multi",
                        .category = "KJNodes/image",
                        .description = "Puts several pictures in a row or a column.",
                        .origin = kOrigin,
                        .inputs = row_inputs(),
                        .outputs = {{"images"}},
                        .run = concatenate_row});
}

}  // namespace easel::nodes
