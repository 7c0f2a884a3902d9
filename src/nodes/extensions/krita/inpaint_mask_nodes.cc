// Masks and pictures made ready for inpainting (comfyui-inpaint-nodes), and the hint of ControlNets for it
// (comfyui_controlnet_aux).
#include "image/edit/pictures.h"
#include "image/inpaint/fill.h"
#include "image/inpaint/mask_filters.h"
#include "image/inpaint/mask_shapes.h"
#include "image/scale/resize.h"
#include "node_api/table.h"
#include "nodes/common/foreseen_sizes.h"
#include "ops/arithmetic/formula.h"

namespace easel::nodes {
namespace {

constexpr const char* kCategory = "inpaint";
constexpr int64_t kMostPixels = 8096, kMostBlur = 8191;

template <class P>
Input<P> softening_input(image::Softening P::*member) {
  return Choice("blur_type", member,
                {{"box", image::Softening::kBox},
                 {"linear", image::Softening::kLinear},
                 {"gaussian", image::Softening::kGaussian}});
}

template <class P>
Input<P> pixels(const char* name, int64_t P::*member, int least, int64_t most) {
  return Int(name, member).range(least, most).step(1).useful(least, 128, 1);
}

// --- Masks ---

struct Expand {
  Linked<Mask> mask;
  int64_t grow = 16, blur = 7;
  image::Softening blur_type = image::Softening::kGaussian;
};

Results<Mask> expand(const Expand& in) {
  const Tensor grown = in.grow > 0 ? image::dilate_square(*in.mask, in.grow) : *in.mask;
  return {image::soften(grown, image::odd(in.blur), in.blur_type)};
}

struct Shrink {
  Linked<Mask> mask;
  int64_t shrink = 16, blur = 7;
  image::Softening blur_type = image::Softening::kGaussian;
};

Results<Mask> shrink(const Shrink& in) {
  const Tensor shrunk = in.shrink > 0 ? image::erode_square(*in.mask, in.shrink) : *in.mask;
  return {image::soften(shrunk, image::odd(in.blur), in.blur_type)};
}

struct Stabilize {
  Linked<Mask> mask;
  double epsilon = 0.01;
};

Results<Mask> stabilize(const Stabilize& in) { return {image::full_above(*in.mask, 1.0 - in.epsilon)}; }

struct Compositing {
  Linked<Mask> mask;
  double offset = 0.1, threshold = 0.2;
};

void check_compositing(const Compositing& in) {
  if (in.offset >= in.threshold)
    throw Error(Fault::kInvalid, "the threshold must be higher than the offset").at_input("threshold");
}

Results<Mask> compositing(const Compositing& in) { return {image::ramp(*in.mask, in.offset, in.threshold)}; }

struct MaskOnly {
  Linked<Mask> mask;
};

Results<int64_t, int64_t, int64_t, int64_t> bounding_box(const MaskOnly& in) {
  const image::Box box = image::bounds_of(*in.mask);
  if (box.width == 0)
    throw Error(Fault::kInvalid, "nothing of the mask is selected: it has no bounding box").at_input("mask");
  return {box.x, box.y, box.width, box.height};
}

void add_masks(Table& table) {
  table.add(
      NodeOf<Expand>{.name = "INPAINT_ExpandMask",
                     .display = "Expand Mask",
                     .category = kCategory,
                     .description = "Grows what is selected by so many pixels, then softens the edges.",
                     .origin = "inpaint",
                     .inputs = {Link("mask", &Expand::mask), pixels("grow", &Expand::grow, 0, kMostPixels),
                                pixels("blur", &Expand::blur, 0, kMostPixels), softening_input(&Expand::blur_type)},
                     .run = expand,
                     .foresee = like<Expand>(&Expand::mask)});
  table.add(
      NodeOf<Shrink>{.name = "INPAINT_ShrinkMask",
                     .display = "Shrink Mask",
                     .category = kCategory,
                     .description = "Shrinks what is selected by so many pixels, then softens the edges.",
                     .origin = "inpaint",
                     .inputs = {Link("mask", &Shrink::mask), pixels("shrink", &Shrink::shrink, 0, kMostPixels),
                                pixels("blur", &Shrink::blur, 0, kMostPixels), softening_input(&Shrink::blur_type)},
                     .run = shrink,
                     .foresee = like<Shrink>(&Shrink::mask)});
  table.add(NodeOf<Stabilize>{
      .name = "INPAINT_StabilizeMask",
      .display = "Stabilize Mask",
      .category = kCategory,
      .description = "Makes what is almost 1 in a mask exactly 1.",
      .origin = "inpaint",
      .inputs = {Link("mask", &Stabilize::mask), Float("epsilon", &Stabilize::epsilon).range(0.0, 1.0).step(0.0001)},
      .run = stabilize,
      .foresee = like<Stabilize>(&Stabilize::mask)});
  table.add(NodeOf<Compositing>{
      .name = "INPAINT_DenoiseToCompositingMask",
      .display = "Denoise to Compositing Mask",
      .category = kCategory,
      .description =
          "Turns a mask of how much is painted anew into one for laying the result over the original: 0 up to "
          "the offset, rising to 1 at the threshold.",
      .origin = "inpaint",
      .inputs = {Link("mask", &Compositing::mask), Float("offset", &Compositing::offset).range(0.0, 1.0).step(0.01),
                 Float("threshold", &Compositing::threshold).range(0.01, 1.0).step(0.01)},
      .run = compositing,
      .check = check_compositing,
      .foresee = like<Compositing>(&Compositing::mask)});
  table.add(NodeOf<MaskOnly>{.name = "INPAINT_MaskBoundingBox",
                             .display = "Mask Bounding Box",
                             .category = kCategory,
                             .description = "The smallest rectangle around what is selected in the first mask.",
                             .origin = "inpaint",
                             .inputs = {Link("mask", &MaskOnly::mask)},
                             .outputs = {{"x"}, {"y"}, {"width"}, {"height"}},
                             .run = bounding_box});
}

// --- Pictures ---

enum class Fill : uint8_t { kNeutral, kTelea, kNavierStokes };

struct MaskedFill {
  Linked<Image> image;
  Linked<Mask> mask;
  Fill fill = Fill::kNeutral;
  int64_t falloff = 0;
};

Results<Image> masked_fill(const MaskedFill& in) {
  if (in.fill == Fill::kNeutral) return {image::fill_neutral(*in.image, *in.mask, in.falloff)};
  return {image::fill_holes(*in.image, *in.mask, in.falloff,
                            in.fill == Fill::kTelea ? image::HoleFilling::kTelea : image::HoleFilling::kNavierStokes)};
}

struct MaskedBlur {
  Linked<Image> image;
  Linked<Mask> mask;
  int64_t blur = 255, falloff = 0;
};

struct ColorMatch {
  Linked<Image> target, reference;
  MaybeLinked<Mask> exclude_mask;
  double strength = 1.0;
};

struct InpaintHint {
  Linked<Image> image;
  Linked<Mask> mask;
  bool black_pixel_for_xinsir_cn = false;
};

// What is masked has values that no picture has: -1, by which ControlNets for inpainting know it; or black.
Results<Image> inpaint_hint(const InpaintHint& in) {
  image::require_image(*in.image, "image");
  image::require_mask(*in.mask, "mask");
  const Tensor& image = *in.image;
  const bool fits = in.mask->dim(1) == image.dim(1) && in.mask->dim(2) == image.dim(2);
  Tensor mask = image::as_picture(*in.mask);
  if (!fits) mask = image::resize(mask, {image.dim(2), image.dim(1)}, image::ResizeMethod::kBilinear);
  if (mask.dim(0) != image.dim(0) || image.dim(3) != 3)
    throw Error(Fault::kInvalid, "a hint needs pictures of three channels and one mask for each of them, not " +
                                     std::to_string(mask.dim(0)) + " masks for pictures of " + image.str());
  constexpr float kMasked = 0.5f;
  const float value = in.black_pixel_for_xinsir_cn ? 0.0f : -1.0f;
  return {ops::map([=](auto pixel, auto masked) { return select(masked > kMasked, value, pixel); }, image, mask)};
}

}  // namespace

void register_inpaint_mask_nodes(Table& table) {
  add_masks(table);
  table.add(NodeOf<MaskedFill>{
      .name = "INPAINT_MaskedFill",
      .display = "Fill Masked Area",
      .category = kCategory,
      .description = "Puts grey, or what continues the surroundings, where the mask is 1.",
      .origin = "inpaint",
      .inputs = {Link("image", &MaskedFill::image), Link("mask", &MaskedFill::mask),
                 Choice("fill", &MaskedFill::fill,
                        {{"neutral", Fill::kNeutral}, {"telea", Fill::kTelea}, {"navier-stokes", Fill::kNavierStokes}})
                     .tip("telea: Telea 2004; navier-stokes: Bertalmio et al. 2001, as OpenCV does them."),
                 pixels("falloff", &MaskedFill::falloff, 0, kMostBlur)
                     .tip("Over how many pixels inside of the mask the filling begins.")},
      .run = masked_fill,
      .foresee = like<MaskedFill>(&MaskedFill::image)});
  table.add(NodeOf<MaskedBlur>{.name = "INPAINT_MaskedBlur",
                               .display = "Blur Masked Area",
                               .category = kCategory,
                               .description = "Blurs a picture where the mask is 1.",
                               .origin = "inpaint",
                               .inputs = {Link("image", &MaskedBlur::image), Link("mask", &MaskedBlur::mask),
                                          pixels("blur", &MaskedBlur::blur, 3, kMostBlur),
                                          pixels("falloff", &MaskedBlur::falloff, 0, kMostBlur)},
                               .run = [](const MaskedBlur& in) -> Results<Image> {
                                 return {image::blur_under(*in.image, *in.mask, in.blur, in.falloff)};
                               },
                               .foresee = like<MaskedBlur>(&MaskedBlur::image)});
  table.add(NodeOf<ColorMatch>{
      .name = "INPAINT_ColorMatch",
      .display = "Color Match (Masked)",
      .category = kCategory,
      .description = "Gives a picture the mean and the spread of another one's colours.",
      .origin = "inpaint",
      .inputs = {Link("target", &ColorMatch::target), Link("reference", &ColorMatch::reference),
                 Link("exclude_mask", &ColorMatch::exclude_mask).tip("What does not count in either picture."),
                 Float("strength", &ColorMatch::strength).range(0.0, 1.0).step(0.01)},
      .run = [](const ColorMatch& in) -> Results<Image> {
        return {image::match_colours(*in.target, *in.reference, in.exclude_mask.value_or_empty(), in.strength)};
      },
      .foresee = like<ColorMatch>(&ColorMatch::target)});
  table.add(
      NodeOf<InpaintHint>{.name = "InpaintPreprocessor",
                          .display = "Inpaint Preprocessor",
                          .category = "ControlNet Preprocessors/others",
                          .description = "Marks the part of a picture that a ControlNet for inpainting is to paint.",
                          .origin = "controlnet_aux",
                          .inputs = {Link("image", &InpaintHint::image), Link("mask", &InpaintHint::mask),
                                     Bool("black_pixel_for_xinsir_cn", &InpaintHint::black_pixel_for_xinsir_cn)
                                         .optional()
                                         .tip("Black in place of -1, as xinsir's and NoobAI's networks were trained.")},
                          .run = inpaint_hint,
                          .foresee = like<InpaintHint>(&InpaintHint::image)});
}

}  // namespace easel::nodes
