// Nodes of ComfyUI-KJNodes on masks and on pictures side by side.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "image/edit/filters.h"
#include "image/edit/masks.h"
#include "image/inpaint/mask_shapes.h"
#include "image/scale/resize.h"
#include "node_api/table.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/sizes.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
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
    const float most = ops::item(ops::reduce(mask, ops::Reduction::kMax, 0, -1));
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
    if (in.fill_holes) one = image::without_holes(one);
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

bool is_beside(const std::string& direction) { return direction == "left" || direction == "right"; }

// The second picture's size when it is brought to the height, or width, of the first.
image::Size matched(image::Size first, image::Size second, bool beside) {
  const double aspect = static_cast<double>(second.width) / static_cast<double>(second.height);
  if (beside) return {static_cast<int64_t>(static_cast<double>(first.height) * aspect), first.height};
  return {first.width, static_cast<int64_t>(static_cast<double>(first.width) / aspect)};
}

// `fit`: the size to whose height, or width, the second picture is brought.
ForeseenPicture beside_each_other(const ForeseenPicture& first, const ForeseenPicture& second,
                                  const std::string& direction, std::optional<image::Size> fit) {
  const bool beside = is_beside(direction);
  const auto [w1, h1] = size_of(first);
  const auto [w2, h2] = fit ? matched(*fit, size_of(second), beside) : size_of(second);
  ForeseenPicture out =
      in_size(first, beside ? image::Size{w1 + w2, std::max(h1, h2)} : image::Size{std::max(w1, w2), h1 + h2});
  out.count = std::max(first.count, second.count);
  out.channels = std::max(first.channels, second.channels);
  return out;
}

Tensor beside_each_other(Tensor image1, Tensor image2, const std::string& direction, std::optional<image::Size> fit) {
  const bool beside = is_beside(direction);
  if (fit) image2 = image::antialias_bicubic(image2, matched(*fit, image::size_of(image2), beside));
  const int64_t count = std::max(image1.dim(0), image2.dim(0)), channels = std::max(image1.dim(3), image2.dim(3));
  const int64_t side = std::max(image1.dim(beside ? 1 : 2), image2.dim(beside ? 1 : 2));
  image1 = centred(matched(image1, count, channels), side, beside);
  image2 = centred(matched(image2, count, channels), side, beside);
  if (direction == "left" || direction == "up") std::swap(image1, image2);
  return ops::concat({image1, image2}, beside ? 2 : 1);
}

std::optional<image::Size> size_to_fit(bool match, image::Size size) {
  return match ? std::optional(size) : std::nullopt;
}

Foreseen<Image> foresee_concatenated(const Known<Beside>& in) {
  const ForeseenPicture *first = in(&Beside::image1), *second = in(&Beside::image2);
  if (!first || !second) return {};
  return {beside_each_other(*first, *second, in(&Beside::direction),
                            size_to_fit(in(&Beside::match_image_size), size_of(*first)))};
}

Results<Image> concatenate(const Beside& in) {
  return {beside_each_other(*in.image1, *in.image2, in.direction,
                            size_to_fit(in.match_image_size, image::size_of(*in.image1)))};
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
  const auto fit = size_to_fit(in.match_image_size, image::size_of(first));
  Tensor out = first;
  for (int64_t i = 2; i <= in.inputcount; ++i) {
    call.check_cancelled();
    const Value* next = call.linked("image_" + std::to_string(i));
    out = beside_each_other(out, next && !next->empty() ? next->as<Tensor>() : Tensor::zeros(first.shape()),
                            in.direction, fit);
  }
  return {std::move(out)};
}

Foreseen<Image> foresee_row(const Known<Row>& in, Call& call) {
  const ForeseenPicture* first = in(&Row::image_1);
  if (!first) return {};
  ForeseenPicture out = *first;
  const auto fit = size_to_fit(in(&Row::match_image_size), size_of(*first));
  for (int64_t i = 2; i <= in(&Row::inputcount); ++i) {
    const Value* next = call.linked("image_" + std::to_string(i));
    const auto* known = next ? next->get<ForeseenPicture>() : first;
    if (!known) return {};
    out = beside_each_other(out, *known, in(&Row::direction), fit);
  }
  return {out};
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
      .run = grow,
      .foresee = [](const Known<Grow>& in) -> Foreseen<Mask, Mask> {
        return {in(&Grow::mask), in(&Grow::mask)};
      }});
  table.add(NodeOf<Beside>{.name = "ImageConcanate",
                           .display = "Image Concatenate",
                           .category = "KJNodes/image",
                           .description = "Puts the second picture beside, above or below the first.",
                           .origin = kOrigin,
                           .inputs = {Link("image1", &Beside::image1), Link("image2", &Beside::image2),
                                      Choice("direction", &Beside::direction, {"right", "down", "left", "up"}),
                                      Bool("match_image_size", &Beside::match_image_size)
                                          .tip("Resizes the second picture to the height or width of the first.")},
                           .run = concatenate,
                           .foresee = foresee_concatenated});
  table.add(NodeOf<Row>{.name = "ImageConcatMulti",
                        .display = "Image Concatenate Multi",
                        .category = "KJNodes/image",
                        .description = "Puts several pictures in a row or a column.",
                        .origin = kOrigin,
                        .inputs = row_inputs(),
                        .outputs = {{"images"}},
                        .run = concatenate_row,
                        .foresee = foresee_row});
}

}  // namespace easel::nodes
