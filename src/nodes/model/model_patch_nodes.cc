// Nodes that change how a model is run: its guidance, its noise levels, the maps inside.
#include "models/unet/block_hooks.h"
#include "node_api/table.h"
#include "nodes/common/foresight.h"
#include "sampling/guidance/guidance_patch.h"
#include "sampling/schedule/model_sampling.h"

namespace easel::nodes {
namespace {

using models::ModelHandle;

Outputs model(ModelHandle handle) { return {Value("MODEL", std::move(handle))}; }

// The model with one more change to its guidance.
Outputs guided(Call& call, models::SamplingPatchPtr patch) {
  auto out = call.link<ModelHandle>("model");
  out.sampling_patches.push_back(std::move(patch));
  return model(std::move(out));
}

Outputs with_hook(Call& call, models::BlockHookPtr hook) {
  auto out = call.link<ModelHandle>("model");
  out.block_hooks.push_back(std::move(hook));
  return model(std::move(out));
}

Outputs sampling_kind(Call& call) {
  auto out = call.link<ModelHandle>("model");
  const std::string& name = call.text("sampling");
  out.prediction = name == "v_prediction" ? models::Prediction::kV
                   : name == "lcm"        ? models::Prediction::kLcm
                   : name == "x0"         ? models::Prediction::kX0
                                          : models::Prediction::kEps;
  out.zero_terminal_snr = call.flag("zsnr");
  return model(std::move(out));
}

Outputs free_u(Call& call, bool by_mean) {
  const auto number = [&](const char* name) { return static_cast<float>(call.number(name)); };
  const models::FreeU options{number("b1"), number("b2"), number("s1"), number("s2"), by_mean};
  return with_hook(call, models::free_u(options, call.link<ModelHandle>("model").config));
}

Outputs deep_shrink(Call& call) {
  const auto& handle = call.link<ModelHandle>("model");
  const sampling::ModelSampling levels(handle.prediction, handle.zero_terminal_snr);
  models::DeepShrink options;
  options.block = static_cast<int>(call.integer("block_number"));
  options.factor = call.number("downscale_factor");
  options.first_sigma = static_cast<float>(levels.percent_to_sigma(call.number("start_percent")));
  options.last_sigma = static_cast<float>(levels.percent_to_sigma(call.number("end_percent")));
  options.after_skip = call.flag("downscale_after_skip");
  options.down = image::resize_method(call.text("downscale_method"));
  options.up = image::resize_method(call.text("upscale_method"));
  return with_hook(call, models::deep_shrink(options));
}

Outputs differential(Call& call) {
  auto out = call.link<ModelHandle>("model");
  out.differential_diffusion = static_cast<float>(call.number("strength"));
  return model(std::move(out));
}

Outputs perp_neg(Call& call) {
  return guided(call, std::make_shared<const sampling::PerpNegPatch>(
                          call.link<sampling::Conditioning>("empty_conditioning"), call.number("neg_scale")));
}

Outputs foresee_perp_neg(Call& call) {
  const auto* handle = call.peek<ModelHandle>("model");
  if (handle) require_fit(*handle, foreseen_conditioning(call, "empty_conditioning"), "empty_conditioning");
  return {handle ? Value("MODEL", *handle) : Value()};
}

// What the node does to a model is known as soon as the model is.
void add(Table& table, const char* name, const char* display, const char* category, const char* description,
         std::vector<In> inputs, std::function<Outputs(Call&)> run) {
  inputs.insert(inputs.begin(), Link("model", "MODEL"));
  table.add({.name = name,
             .display = display,
             .category = category,
             .description = description,
             .inputs = std::move(inputs),
             .outputs = {{"MODEL"}},
             .cheap = true,
             .run = std::move(run)});
}

In factor(const char* name, double value) { return Float(name).def(value).range(0.0, 10.0).step(0.01); }

void add_maps(Table& table) {
  add(table, "FreeU", "FreeU", "model_patches/unet",
      "Makes the UNet's own maps stronger and the low frequencies of its skip connections weaker.",
      {factor("b1", 1.1), factor("b2", 1.2), factor("s1", 0.9), factor("s2", 0.2)},
      [](Call& call) { return free_u(call, false); });
  add(table, "FreeU_V2", "FreeU_V2", "model_patches/unet", "FreeU, strongest where the maps are brightest.",
      {factor("b1", 1.3), factor("b2", 1.4), factor("s1", 0.9), factor("s2", 0.2)},
      [](Call& call) { return free_u(call, true); });
  const std::vector<std::string> methods{"bicubic", "nearest-exact", "bilinear", "area", "bislerp"};
  add(table, "PatchModelAddDownscale", "PatchModelAddDownscale (Kohya Deep Shrink)", "model_patches/unet",
      "Runs the inner blocks at a smaller size for the first steps, so that large pictures keep one subject.",
      {Int("block_number").def(3).range(1, 32).step(1), Float("downscale_factor").def(2.0).range(0.1, 9.0).step(0.001),
       Float("start_percent").def(0.0).range(0.0, 1.0).step(0.001),
       Float("end_percent").def(0.35).range(0.0, 1.0).step(0.001), Bool("downscale_after_skip").def(true),
       Choice("downscale_method", methods), Choice("upscale_method", methods)},
      deep_shrink);
}

void add_guidance(Table& table) {
  add(table, "RescaleCFG", "RescaleCFG", "advanced/model",
      "Takes back the contrast that strong guidance adds; made for models that predict velocity.",
      {Float("multiplier").def(0.7).range(0.0, 1.0).step(0.01)},
      [](Call& call) { return guided(call, sampling::rescale_cfg(call.number("multiplier"))); });
  add(table, "PerturbedAttentionGuidance", "PerturbedAttentionGuidance", "model_patches/unet",
      "Leads away from what the model makes when its middle block attends to nothing. A third evaluation per step.",
      {Float("scale").def(3.0).range(0.0, 100.0).step(0.01).round(0.01)},
      [](Call& call) { return guided(call, sampling::perturbed_attention_guidance(call.number("scale"))); });
  add(table, "SelfAttentionGuidance", "Self-Attention Guidance", "_for_testing",
      "Leads away from a picture that is blurred where the model looks. A third evaluation per step.",
      {Float("scale").def(0.5).range(-2.0, 5.0).step(0.01), Float("blur_sigma").def(2.0).range(0.0, 10.0).step(0.1)},
      [](Call& call) {
        return guided(call, sampling::self_attention_guidance(call.number("scale"), call.number("blur_sigma")));
      });
  table.add({.name = "PerpNeg",
             .display = "Perp-Neg (DEPRECATED by PerpNegGuider)",
             .category = "_for_testing",
             .description = "Lets the negative conditioning take away only what the positive one lacks.",
             .inputs = {Link("model", "MODEL"), Link("empty_conditioning", "CONDITIONING"),
                        Float("neg_scale").def(1.0).range(0.0, 100.0).step(0.01)},
             .outputs = {{"MODEL"}},
             .run = perp_neg,
             .foresee = foresee_perp_neg});
  add(table, "CFGZeroStar", "CFGZeroStar", "advanced/guidance",
      "Scales the unconditional direction to fit the conditional one.", {},
      [](Call& call) { return guided(call, sampling::cfg_zero_star()); });
  add(table, "CFGNorm", "CFGNorm", "advanced/guidance",
      "Brings what guidance makes down to the strength of the conditional picture.",
      {Float("strength").def(1.0).range(0.0, 100.0).step(0.01)},
      [](Call& call) { return guided(call, sampling::cfg_norm(call.number("strength"))); });
}

}  // namespace

void register_model_patch_nodes(Table& table) {
  add(table, "ModelSamplingDiscrete", "ModelSamplingDiscrete", "advanced/model",
      "Says what a model predicts, where its file does not: lcm for models (or LoRAs) of few steps.",
      {Choice("sampling", {"eps", "v_prediction", "lcm", "x0"}),
       Bool("zsnr").def(false).tip("Lets the schedule end in pure noise, as the model was trained.")},
      sampling_kind);
  add(table, "DifferentialDiffusion", "Differential Diffusion", "_for_testing",
      "With a mask of grey levels, the darker a part the later it is let go, so that edges blend.",
      {Float("strength").def(1.0).range(0.0, 1.0).step(0.01).optional()}, differential);
  add_maps(table);
  add_guidance(table);
}

}  // namespace easel::nodes
