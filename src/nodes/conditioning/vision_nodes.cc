// Nodes for CLIP vision, unCLIP and style models.
#include "models/conditioning.h"
#include "models/vision/clip_vision.h"
#include "models/vision/style_model.h"
#include "node_api/table.h"
#include "nodes/common/foresight.h"
#include "nodes/common/reference_picture.h"
#include "ops/elementwise.h"

namespace easel::nodes {
namespace {

using models::ClipVisionHandle;
using models::ClipVisionOutput;
using models::Conditioning;

struct Encode {
  Linked<ClipVisionHandle> clip_vision;
  Linked<Image> image;
  image::ClipCrop crop = image::ClipCrop::kCenter;
};

Results<ClipVisionOutput> encode(const Encode& in, Call& call) {
  if (in.crop == image::ClipCrop::kCenter) warn_of_crop(call, *in.image);
  return {models::encode_images(*in.clip_vision, *in.image, in.crop)};
}

Foreseen<ClipVisionOutput> foresee_encode(const Known<Encode>& in, Call& call) {
  if (in(&Encode::crop) == image::ClipCrop::kCenter) warn_of_crop(call, in(&Encode::image));
  const ClipVisionHandle* vision = in(&Encode::clip_vision);
  if (!vision) return {};
  return {ForeseenVision{*vision}};
}

struct Unclip {
  Linked<Conditioning> conditioning;
  Linked<ClipVisionOutput> clip_vision_output;
  double strength = 1.0, noise_augmentation = 0.0;
};

Results<Conditioning> unclip(const Unclip& in) {
  Conditioning list = *in.conditioning;
  const auto strength = static_cast<float>(in.strength);
  if (strength != 0.0f)
    for (auto& entry : list)
      entry.unclip.push_back({*in.clip_vision_output, strength, static_cast<float>(in.noise_augmentation)});
  return {std::move(list)};
}

Foreseen<Conditioning> foresee_unclip(const Known<Unclip>& in) {
  ForeseenConditioning known = known_or_empty(in(&Unclip::conditioning));
  const ForeseenVision* picture = in(&Unclip::clip_vision_output);
  if (picture && in(&Unclip::strength) != 0.0) known.unclip.push_back(picture->vision);
  return {std::move(known)};
}

enum class StrengthType { kMultiply, kAttentionBias };

struct ApplyStyle {
  Linked<Conditioning> conditioning;
  Linked<models::StyleModelHandle> style_model;
  Linked<ClipVisionOutput> clip_vision_output;
  double strength = 1.0;
  StrengthType strength_type = StrengthType::kMultiply;
};

Results<Conditioning> apply_style(const ApplyStyle& in) {
  Conditioning list = *in.conditioning;
  Tensor tokens = models::style_tokens(*in.style_model, *in.clip_vision_output);
  // Only models with joint attention take a bias on it; UNets read the tokens and nothing else.
  if (in.strength_type == StrengthType::kMultiply && in.strength != 1.0)
    tokens = ops::affine(tokens, static_cast<float>(in.strength));
  for (auto& entry : list) {
    if (entry.cond.dim(2) != tokens.dim(2))
      throw Error(Fault::kMismatch, "the style model makes rows of " + std::to_string(tokens.dim(2)) +
                                        " numbers, the text has " + std::to_string(entry.cond.dim(2)))
          .fix("The style model works with SD 1.x");
    entry.cond = ops::concat({entry.cond, entry.cond.dim(0) == 1 ? tokens : ops::repeat(tokens, entry.cond.dim(0))}, 1);
  }
  return {std::move(list)};
}

Foreseen<Conditioning> foresee_style(const Known<ApplyStyle>& in) {
  ForeseenConditioning known = known_or_empty(in(&ApplyStyle::conditioning));
  const models::StyleModelHandle* style = in(&ApplyStyle::style_model);
  const ForeseenVision* picture = in(&ApplyStyle::clip_vision_output);
  if (style) {
    // If the width of the text is not known, it is assumed to fit.
    const auto misfit =
        models::style_mismatch(*style, picture ? &picture->vision : nullptr,
                               known.context_dim ? known.context_dim : style->context_dim, known.text_file);
    if (misfit) throw Error(*misfit).at_input("style_model");
  }
  return {std::move(known)};
}

}  // namespace

void register_vision_nodes(Table& table) {
  table.add(NodeOf<Encode>{
      .name = "CLIPVisionEncode",
      .display = "CLIP Vision Encode",
      .category = "conditioning",
      .description = "Encodes a picture with a CLIP vision encoder, which sees 224x224 pixels.",
      .inputs = {Link("clip_vision", &Encode::clip_vision), Link("image", &Encode::image),
                 Choice("crop", &Encode::crop, {{"center", image::ClipCrop::kCenter}, {"none", image::ClipCrop::kNone}})
                     .added_later()
                     .tip("center crops to the central square, none squeezes the whole picture into a square.")},
      .run = encode,
      .foresee = foresee_encode});
  table.add(NodeOf<Unclip>{
      .name = "unCLIPConditioning",
      .display = "unCLIPConditioning",
      .category = "conditioning",
      .description = "Lets a picture inspire the result, with unCLIP models or SDXL (Revision).",
      .inputs =
          {Link("conditioning", &Unclip::conditioning), Link("clip_vision_output", &Unclip::clip_vision_output),
           Float("strength", &Unclip::strength)
               .range(-10.0, 10.0)
               .step(0.01)
               .useful(0, 2, 0.05)
               .tip("How strongly the picture influences the result."),
           Float("noise_augmentation", &Unclip::noise_augmentation)
               .range(0.0, 1.0)
               .step(0.01)
               .tip("How far the result may stray from the picture: 0 stays close, near 1 only the mood remains.")},
      .run = unclip,
      .foresee = foresee_unclip});
  table.add(NodeOf<ApplyStyle>{
      .name = "StyleModelApply",
      .display = "Apply Style Model",
      .category = "conditioning/style_model",
      .description = "Adds the style of a picture to a prompt.",
      .inputs = {Link("conditioning", &ApplyStyle::conditioning), Link("style_model", &ApplyStyle::style_model),
                 Link("clip_vision_output", &ApplyStyle::clip_vision_output),
                 Float("strength", &ApplyStyle::strength)
                     .range(0.0, 10.0)
                     .step(0.001)
                     .useful(0, 2, 0.05)
                     .added_later()
                     .tip("Scales the tokens of the style model."),
                 Choice("strength_type", &ApplyStyle::strength_type,
                        {{"multiply", StrengthType::kMultiply}, {"attn_bias", StrengthType::kAttentionBias}})
                     .added_later()
                     .tip("multiply scales the tokens; attn_bias has no effect on Stable Diffusion's UNets.")},
      .run = apply_style,
      .foresee = foresee_style});
}

}  // namespace easel::nodes
