// Nodes that look at pictures: CLIP vision, unCLIP, style models.
#include "models/vision/clip_vision.h"
#include "models/vision/style_model.h"
#include "node_api/table.h"
#include "nodes/common/foresight.h"
#include "nodes/common/reference_picture.h"
#include "ops/elementwise.h"
#include "sampling/guidance/conditioning.h"

namespace easel::nodes {
namespace {

Outputs encode(Call& call) {
  const bool center = call.text("crop") == "center";
  const Tensor& pictures = call.tensor("image");
  if (center) tell_of_crop(call, pictures);
  models::ClipVisionOutput out = models::encode_images(call.link<models::ClipVisionHandle>("clip_vision"), pictures,
                                                       center ? image::ClipCrop::kCenter : image::ClipCrop::kNone);
  const size_t bytes =
      out.image_embeds.nbytes() + out.last_hidden_state.nbytes() + out.penultimate_hidden_states.nbytes();
  return {Value("CLIP_VISION_OUTPUT", std::move(out), bytes)};
}

Outputs foresee_encode(Call& call) {
  if (call.text("crop") == "center") foretell_crop(call, "image");
  const auto* vision = call.peek<models::ClipVisionHandle>("clip_vision");
  return {vision ? Value("CLIP_VISION_OUTPUT", ForeseenVision{*vision}) : Value()};
}

Outputs unclip(Call& call) {
  sampling::Conditioning list = call.link<sampling::Conditioning>("conditioning");
  const auto strength = static_cast<float>(call.number("strength"));
  if (strength != 0.0f)
    for (auto& entry : list)
      entry.unclip.push_back({call.link<models::ClipVisionOutput>("clip_vision_output"), strength,
                              static_cast<float>(call.number("noise_augmentation"))});
  return {Value("CONDITIONING", std::move(list))};
}

Outputs foresee_unclip(Call& call) {
  ForeseenConditioning known = foreseen_conditioning(call, "conditioning");
  if (const auto* vision = call.peek<ForeseenVision>("clip_vision_output"); vision && call.number("strength") != 0.0)
    known.unclip.push_back(vision->vision);
  return {foreseen(std::move(known))};
}

Outputs apply_style(Call& call) {
  sampling::Conditioning list = call.link<sampling::Conditioning>("conditioning");
  Tensor tokens = models::style_tokens(call.link<models::StyleModelHandle>("style_model"),
                                       call.link<models::ClipVisionOutput>("clip_vision_output"));
  // A bias on the attention is something only models with joint attention take; UNets read the tokens alone.
  if (call.text("strength_type") == "multiply" && call.number("strength") != 1.0)
    tokens = ops::affine(tokens, static_cast<float>(call.number("strength")));
  size_t bytes = 0;
  for (auto& entry : list) {
    if (entry.cond.dim(2) != tokens.dim(2))
      throw Error(Fault::kMismatch, "the style model makes rows of " + std::to_string(tokens.dim(2)) +
                                        " numbers, the text has " + std::to_string(entry.cond.dim(2)))
          .fix("The style model works with SD 1.x");
    entry.cond = ops::concat({entry.cond, entry.cond.dim(0) == 1 ? tokens : ops::repeat(tokens, entry.cond.dim(0))}, 1);
    bytes += entry.cond.nbytes();
  }
  return {Value("CONDITIONING", std::move(list), bytes)};
}

Outputs foresee_style(Call& call) {
  ForeseenConditioning known = foreseen_conditioning(call, "conditioning");
  const auto* style = call.peek<models::StyleModelHandle>("style_model");
  const auto* vision = call.peek<ForeseenVision>("clip_vision_output");
  if (style) {
    // Text of an unknown width is taken for one that fits.
    const std::string fault =
        models::style_mismatch(*style, vision ? &vision->vision : nullptr,
                               known.context_dim ? known.context_dim : style->context_dim, known.text_file);
    if (!fault.empty()) throw Error(Fault::kMismatch, fault).at_input("style_model");
  }
  return {foreseen(std::move(known))};
}

}  // namespace

void register_vision_nodes(Table& table) {
  table.add({.name = "CLIPVisionEncode",
             .display = "CLIP Vision Encode",
             .category = "conditioning",
             .description = "Describes a picture in the terms of a CLIP vision encoder, which sees 224x224 pixels.",
             .inputs = {Link("clip_vision", "CLIP_VISION"), Link("image", "IMAGE"),
                        Choice("crop", {"center", "none"})
                            .late()
                            .tip("center cuts out the middle square, none squeezes the whole picture into it.")},
             .outputs = {{"CLIP_VISION_OUTPUT"}},
             .run = encode,
             .foresee = foresee_encode});
  table.add(
      {.name = "unCLIPConditioning",
       .display = "unCLIPConditioning",
       .category = "conditioning",
       .description = "Lets a picture inspire the result: unCLIP models, and SDXL as Revision.",
       .inputs =
           {Link("conditioning", "CONDITIONING"), Link("clip_vision_output", "CLIP_VISION_OUTPUT"),
            Float("strength").def(1.0).range(-10.0, 10.0).step(0.01).tip("How much the picture counts."),
            Float("noise_augmentation")
                .def(0.0)
                .range(0.0, 1.0)
                .step(0.01)
                .tip("How far the result may stray from the picture: 0 keeps close, towards 1 only a mood is left.")},
       .outputs = {{"CONDITIONING"}},
       .run = unclip,
       .foresee = foresee_unclip});
  table.add(
      {.name = "StyleModelApply",
       .display = "Apply Style Model",
       .category = "conditioning/style_model",
       .description = "Adds the style of a picture to a prompt.",
       .inputs =
           {Link("conditioning", "CONDITIONING"), Link("style_model", "STYLE_MODEL"),
            Link("clip_vision_output", "CLIP_VISION_OUTPUT"),
            Float("strength").def(1.0).range(0.0, 10.0).step(0.001).late().tip("Scales what the style model says."),
            Choice("strength_type", {"multiply", "attn_bias"})
                .late()
                .tip("multiply scales the tokens; attn_bias has no effect on Stable Diffusion's UNets.")},
       .outputs = {{"CONDITIONING"}},
       .run = apply_style,
       .foresee = foresee_style});
}

}  // namespace easel::nodes
