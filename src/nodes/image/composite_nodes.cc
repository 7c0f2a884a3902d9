// Nodes that composite pictures, and effects on finished pictures.
#include "image/edit/composite.h"
#include "image/edit/filters.h"
#include "image/edit/pictures.h"
#include "image/edit/quantize.h"
#include "node_api/table.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/sizes.h"

namespace easel::nodes {
namespace {

// Gives the source the channels of the destination: adds an opaque alpha channel, or removes the alpha channel.
Tensor with_channels(const Tensor& source, int64_t channels) {
  if (source.dim(3) == channels) return source;
  if (source.dim(3) > channels) return contiguous(source.slice(3, 0, channels));
  return image::join_alpha(source, Tensor::zeros({source.dim(0), source.dim(1), source.dim(2)}));
}

struct Composite {
  Linked<Image> destination, source;
  int64_t x = 0, y = 0;
  bool resize_source = false;
  MaybeLinked<Mask> mask;
};

Results<Image> composite_masked(const Composite& in) {
  return {image::composite_masked(*in.destination, with_channels(*in.source, in.destination->dim(3)),
                                  in.mask.value_or_empty(), {in.x, in.y, 1, in.resize_source})};
}

struct PorterDuff {
  Linked<Image> source;
  Linked<Mask> source_alpha;
  Linked<Image> destination;
  Linked<Mask> destination_alpha;
  std::string mode = "DST";
};

Results<Image, Mask> porter_duff(const PorterDuff& in) {
  auto [pixels, alpha] =
      image::porter_duff(*in.source, *in.source_alpha, *in.destination, *in.destination_alpha, in.mode);
  return {std::move(pixels), std::move(alpha)};
}

struct SplitAlpha {
  Linked<Image> image;
};

Results<Image, Mask> split_alpha(const SplitAlpha& in) {
  auto [pixels, alpha] = image::split_alpha(*in.image);
  return {std::move(pixels), std::move(alpha)};
}

struct JoinAlpha {
  Linked<Image> image;
  Linked<Mask> alpha;
};

Foreseen<Image, Mask> foresee_porter_duff(const Known<PorterDuff>& in) {
  const ForeseenPicture *source = in(&PorterDuff::source), *destination = in(&PorterDuff::destination);
  const ForeseenMask *over = in(&PorterDuff::source_alpha), *under = in(&PorterDuff::destination_alpha);
  if (!source || !destination || !over || !under) return {};
  const ForeseenPicture out =
      in_number(*destination, std::min({source->count, destination->count, over->count, under->count}));
  return {out, mask_of(out)};
}

Foreseen<Image, Mask> foresee_split(const Known<SplitAlpha>& in) {
  const ForeseenPicture* known = in(&SplitAlpha::image);
  if (!known) return {};
  ForeseenPicture colours = *known;
  colours.channels = std::min<int64_t>(3, colours.channels);
  return {colours, mask_of(*known)};
}

Foreseen<Image> foresee_join(const Known<JoinAlpha>& in) {
  const ForeseenPicture* known = in(&JoinAlpha::image);
  const ForeseenMask* alpha = in(&JoinAlpha::alpha);
  if (!known || !alpha) return {};
  ForeseenPicture joined = in_number(*known, std::min(known->count, alpha->count));
  joined.channels = 4;
  return {joined};
}

void add_composites(Table& table) {
  table.add(NodeOf<Composite>{
      .name = "ImageCompositeMasked",
      .category = "image",
      .description = "Places a picture on another one where a mask is 1.",
      .inputs = {Link("destination", &Composite::destination), Link("source", &Composite::source),
                 Int("x", &Composite::x).range(0, kMaxSide).step(1), Int("y", &Composite::y).range(0, kMaxSide).step(1),
                 Bool("resize_source", &Composite::resize_source).added_later(), Link("mask", &Composite::mask)},
      .run = composite_masked,
      .foresee = like<Composite>(&Composite::destination)});
  table.add(NodeOf<PorterDuff>{
      .name = "PorterDuffImageComposite",
      .display = "Porter-Duff Image Composite",
      .category = "mask/compositing",
      .description = "Combines two pictures with their transparency, by one of Porter and Duff's operators.",
      .inputs = {Link("source", &PorterDuff::source), Link("source_alpha", &PorterDuff::source_alpha),
                 Link("destination", &PorterDuff::destination),
                 Link("destination_alpha", &PorterDuff::destination_alpha),
                 Choice("mode", &PorterDuff::mode,
                        {"ADD", "CLEAR", "DARKEN", "DST", "DST_ATOP", "DST_IN", "DST_OUT", "DST_OVER", "LIGHTEN",
                         "MULTIPLY", "OVERLAY", "SCREEN", "SRC", "SRC_ATOP", "SRC_IN", "SRC_OUT", "SRC_OVER", "XOR"})},
      .run = porter_duff,
      .foresee = foresee_porter_duff});
  table.add(NodeOf<SplitAlpha>{.name = "SplitImageWithAlpha",
                               .display = "Split Image with Alpha",
                               .category = "mask/compositing",
                               .description = "Separates a picture's colours from its transparency.",
                               .inputs = {Link("image", &SplitAlpha::image)},
                               .run = split_alpha,
                               .foresee = foresee_split});
  table.add(NodeOf<JoinAlpha>{
      .name = "JoinImageWithAlpha",
      .display = "Join Image with Alpha",
      .category = "mask/compositing",
      .description = "Makes a picture transparent where a mask is 1.",
      .inputs = {Link("image", &JoinAlpha::image), Link("alpha", &JoinAlpha::alpha)},
      .run = [](const JoinAlpha& in) -> Results<Image> { return {image::join_alpha(*in.image, *in.alpha)}; },
      .foresee = foresee_join});
}

struct Blend {
  Linked<Image> image1, image2;
  double blend_factor = 0.5;
  std::string blend_mode;
};

struct Blur {
  Linked<Image> image;
  int64_t blur_radius = 1;
  double sigma = 1.0;
};

struct Quantize {
  Linked<Image> image;
  int64_t colors = 256;
  std::string dither;
};

struct Sharpen {
  Linked<Image> image;
  int64_t sharpen_radius = 1;
  double sigma = 1.0, alpha = 1.0;
};

void add_filters(Table& table) {
  table.add(NodeOf<Blend>{
      .name = "ImageBlend",
      .display = "Image Blend",
      .category = "image/postprocessing",
      .description = "Mixes two pictures; image2 is resized to image1.",
      .inputs = {Link("image1", &Blend::image1), Link("image2", &Blend::image2),
                 Float("blend_factor", &Blend::blend_factor).range(0.0, 1.0).step(0.01).tip("The share of image2."),
                 Choice("blend_mode", &Blend::blend_mode,
                        {"normal", "multiply", "screen", "overlay", "soft_light", "difference"})},
      .run = [](const Blend& in) -> Results<Image> {
        return {image::blend_pictures(*in.image1, *in.image2, in.blend_factor, image::blend_mode(in.blend_mode))};
      },
      .foresee = [](const Known<Blend>& in) -> Foreseen<Image> {
        const ForeseenPicture *first = in(&Blend::image1), *second = in(&Blend::image2);
        if (!first || !second) return {};
        return {in_number(*first, std::max(first->count, second->count))};
      }});
  table.add(NodeOf<Blur>{
      .name = "ImageBlur",
      .display = "Image Blur",
      .category = "image/postprocessing",
      .description = "Blurs a picture.",
      .inputs = {Link("image", &Blur::image), Int("blur_radius", &Blur::blur_radius).range(1, 31).step(1),
                 Float("sigma", &Blur::sigma).range(0.1, 10.0).step(0.1)},
      .run = [](const Blur& in) -> Results<Image> { return {image::blur(*in.image, in.blur_radius, in.sigma)}; },
      .foresee = like<Blur>(&Blur::image)});
  table.add(NodeOf<Quantize>{
      .name = "ImageQuantize",
      .display = "Image Quantize",
      .category = "image/postprocessing",
      .description = "Reduces a picture to a few colours.",
      .inputs = {Link("image", &Quantize::image), Int("colors", &Quantize::colors).range(1, 256).step(1),
                 Choice("dither", &Quantize::dither,
                        {"none", "floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16"})},
      .run = [](const Quantize& in) -> Results<Image> {
        return {image::quantize(*in.image, in.colors, image::dither(in.dither))};
      },
      .foresee = like<Quantize>(&Quantize::image)});
  table.add(NodeOf<Sharpen>{
      .name = "ImageSharpen",
      .display = "Image Sharpen",
      .category = "image/postprocessing",
      .description = "Sharpens a picture by amplifying its difference from a blurred copy.",
      .inputs = {Link("image", &Sharpen::image), Int("sharpen_radius", &Sharpen::sharpen_radius).range(1, 31).step(1),
                 Float("sigma", &Sharpen::sigma).range(0.1, 10.0).step(0.01).added_later(),
                 Float("alpha", &Sharpen::alpha).range(0.0, 5.0).step(0.01)},
      .run = [](const Sharpen& in) -> Results<Image> {
        return {image::sharpen(*in.image, in.sharpen_radius, in.sigma, in.alpha)};
      },
      .foresee = like<Sharpen>(&Sharpen::image)});
}

}  // namespace

void register_composite_nodes(Table& table) {
  add_composites(table);
  add_filters(table);
}

}  // namespace easel::nodes
