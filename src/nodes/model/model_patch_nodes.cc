// Nodes that change how a model runs: its guidance, its noise levels, the feature maps inside.
#include "guidance/guidance_patch.h"
#include "models/model_patch.h"
#include "models/unet/block_hooks.h"
#include "models/unet/hyper_tile.h"
#include "models/unet/token_merging.h"
#include "models/unet/unet_source.h"
#include "node_api/table.h"
#include "nodes/common/foresight.h"
#include "sampling/schedule/model_sampling.h"

namespace easel::nodes {
namespace {

using models::Conditioning;
using models::ModelHandle;

// The parameter that all of these nodes share.
struct Patch {
  Linked<ModelHandle> model;
};

// A copy of the model with a change to its guidance added.
Results<ModelHandle> guided(const Patch& in, models::ModelPatchPtr patch) {
  return {models::with_patch(*in.model, std::move(patch))};
}

Results<ModelHandle> with_hook(const Patch& in, models::BlockHookPtr hook) {
  return {models::with_patch(*in.model, models::block_patch(std::move(hook)))};
}

// These nodes only change the handle, so that their output is known as soon as the model is.
template <class P>
void add(Table& table, const char* name, const char* display, const char* category, const char* description,
         Inputs<P> inputs, Run<P> run) {
  table.add(NodeOf<P>{.name = name,
                      .display = display,
                      .category = category,
                      .description = description,
                      .inputs = std::move(inputs),
                      .runs_when_checked = true,
                      .run = std::move(run)});
}

Input<Patch> model_input() { return Link("model", &Patch::model); }

// --- Kinds of prediction ---

struct SamplingKind : Patch {
  sampling::Prediction sampling = sampling::Prediction::kEps;
  bool zsnr = false;
};

Results<ModelHandle> sampling_kind(const SamplingKind& in) {
  ModelHandle out = *in.model;
  out.sampling = out.sampling->with_prediction(in.sampling, in.zsnr);
  return {std::move(out)};
}

struct Differential : Patch {
  double strength = 1.0;
};

Results<ModelHandle> differential(const Differential& in) {
  return {models::with_patch(*in.model, models::gradual_mask_patch(static_cast<float>(in.strength)))};
}

// --- Feature maps ---

struct FreeU : Patch {
  double b1 = 1.1, b2 = 1.2, s1 = 0.9, s2 = 0.2;
};
struct FreeU2 : FreeU {
  FreeU2() {
    b1 = 1.3;
    b2 = 1.4;
  }
};

Results<ModelHandle> free_u(const FreeU& in, bool by_mean) {
  const models::FreeU options{static_cast<float>(in.b1), static_cast<float>(in.b2), static_cast<float>(in.s1),
                              static_cast<float>(in.s2), by_mean};
  return with_hook(in, models::free_u(options, models::unet_of(*in.model, "FreeU").config));
}

Input<FreeU> factor(const char* name, double FreeU::*member) { return Float(name, member).range(0.0, 10.0).step(0.01); }

struct DeepShrink : Patch {
  int64_t block_number = 3;
  double downscale_factor = 2.0, start_percent = 0.0, end_percent = 0.35;
  bool downscale_after_skip = true;
  std::string downscale_method = "bicubic", upscale_method = "bicubic";
};

Results<ModelHandle> deep_shrink(const DeepShrink& in) {
  const sampling::ModelSampling& levels = *in.model->sampling;
  models::DeepShrink options;
  options.block = static_cast<int>(in.block_number);
  options.factor = in.downscale_factor;
  options.first_sigma = static_cast<float>(levels.percent_to_sigma(in.start_percent));
  options.last_sigma = static_cast<float>(levels.percent_to_sigma(in.end_percent));
  options.after_skip = in.downscale_after_skip;
  options.down = image::resize_method(in.downscale_method);
  options.up = image::resize_method(in.upscale_method);
  return with_hook(in, models::deep_shrink(options));
}

struct HyperTile : Patch {
  int64_t tile_size = 256, swap_size = 2, max_depth = 0;
  bool scale_depth = false;
};

Results<ModelHandle> hyper_tile(const HyperTile& in) {
  return guided(in, models::hyper_tile({.tile_size = in.tile_size,
                                        .swap_size = in.swap_size,
                                        .max_depth = in.max_depth,
                                        .scale_depth = in.scale_depth},
                                       models::unet_of(*in.model, "HyperTile").config));
}

struct MergeTokens : Patch {
  double ratio = 0.3;
};

Results<ModelHandle> merge_tokens(const MergeTokens& in) {
  models::unet_of(*in.model, "token merging");
  return {models::with_patch(*in.model, models::attention_patch(models::merge_tokens(in.ratio)))};
}

void add_maps(Table& table) {
  add<FreeU>(table, "FreeU", "FreeU", "model_patches/unet",
             "Amplifies the UNet's backbone features and weakens the low frequencies of its skip connections (FreeU).",
             {model_input(), factor("b1", &FreeU::b1), factor("b2", &FreeU::b2), factor("s1", &FreeU::s1),
              factor("s2", &FreeU::s2)},
             [](const FreeU& in) { return free_u(in, false); });
  add<FreeU2>(table, "FreeU_V2", "FreeU_V2", "model_patches/unet", "FreeU, strongest where the maps are brightest.",
              {model_input(), factor("b1", &FreeU::b1), factor("b2", &FreeU::b2), factor("s1", &FreeU::s1),
               factor("s2", &FreeU::s2)},
              [](const FreeU2& in) { return free_u(in, true); });
  const std::vector<std::string> methods{"bicubic", "nearest-exact", "bilinear", "area", "bislerp"};
  add<DeepShrink>(
      table, "PatchModelAddDownscale", "PatchModelAddDownscale (Kohya Deep Shrink)", "model_patches/unet",
      "Runs the inner blocks at a smaller size in the first steps, so that large pictures do not repeat their subject.",
      {model_input(), Int("block_number", &DeepShrink::block_number).range(1, 32).step(1),
       Float("downscale_factor", &DeepShrink::downscale_factor).range(0.1, 9.0).step(0.001),
       Float("start_percent", &DeepShrink::start_percent).range(0.0, 1.0).step(0.001),
       Float("end_percent", &DeepShrink::end_percent).range(0.0, 1.0).step(0.001),
       Bool("downscale_after_skip", &DeepShrink::downscale_after_skip).added_later(),
       Choice("downscale_method", &DeepShrink::downscale_method, methods).added_later(),
       Choice("upscale_method", &DeepShrink::upscale_method, methods).added_later()},
      deep_shrink);
  add<HyperTile>(table, "HyperTile", "HyperTile", "model_patches/unet",
                 "Lets the picture attend to itself in tiles, which saves time with large pictures.",
                 {model_input(), Int("tile_size", &HyperTile::tile_size).range(1, 2048),
                  Int("swap_size", &HyperTile::swap_size).range(1, 128),
                  Int("max_depth", &HyperTile::max_depth).range(0, 10), Bool("scale_depth", &HyperTile::scale_depth)},
                 hyper_tile);
  add<MergeTokens>(table, "TomePatchModel", "TomePatchModel", "model_patches/unet",
                   "Lets similar parts of the picture look at the others together, which saves time.",
                   {model_input(), Float("ratio", &MergeTokens::ratio)
                                       .range(0.0, 1.0)
                                       .step(0.01)
                                       .tip("The share of the tokens that are merged with others.")},
                   merge_tokens);
}

// --- Guidance ---

struct RescaleCfg : Patch {
  double multiplier = 0.7;
};
struct PerturbedAttention : Patch {
  double scale = 3.0;
};
struct SelfAttention : Patch {
  double scale = 0.5, blur_sigma = 2.0;
};
struct CfgNorm : Patch {
  double strength = 1.0;
};

struct PerpNeg : Patch {
  Linked<Conditioning> empty_conditioning;
  double neg_scale = 1.0;
};

Results<ModelHandle> perp_neg(const PerpNeg& in) {
  return guided(in, models::neutral_patch({.list = *in.empty_conditioning, .scale = in.neg_scale}));
}

Foreseen<ModelHandle> foresee_perp_neg(const Known<PerpNeg>& in) {
  const ModelHandle* model = in(&PerpNeg::model);
  if (model) require_fit(*model, known_or_empty(in(&PerpNeg::empty_conditioning)), "empty_conditioning");
  return {model};
}

void add_guidance(Table& table) {
  add<RescaleCfg>(table, "RescaleCFG", "RescaleCFG", "advanced/model",
                  "Removes the extra contrast of strong guidance; made for models that predict velocity.",
                  {model_input(), Float("multiplier", &RescaleCfg::multiplier).range(0.0, 1.0).step(0.01)},
                  [](const RescaleCfg& in) { return guided(in, guidance::rescale_cfg(in.multiplier)); });
  add<PerturbedAttention>(
      table, "PerturbedAttentionGuidance", "PerturbedAttentionGuidance", "model_patches/unet",
      "Guides away from the prediction without self-attention in the middle block. Takes a third evaluation per step.",
      {model_input(), Float("scale", &PerturbedAttention::scale).range(0.0, 100.0).step(0.01).round(0.01)},
      [](const PerturbedAttention& in) { return guided(in, guidance::perturbed_attention_guidance(in.scale)); });
  add<SelfAttention>(
      table, "SelfAttentionGuidance", "Self-Attention Guidance", "_for_testing",
      "Guides away from a picture blurred where the model attends most. Takes a third evaluation per step.",
      {model_input(), Float("scale", &SelfAttention::scale).range(-2.0, 5.0).step(0.01),
       Float("blur_sigma", &SelfAttention::blur_sigma).range(0.0, 10.0).step(0.1)},
      [](const SelfAttention& in) { return guided(in, guidance::self_attention_guidance(in.scale, in.blur_sigma)); });
  table.add(NodeOf<PerpNeg>{
      .name = "PerpNeg",
      .display = "Perp-Neg (DEPRECATED by PerpNegGuider)",
      .category = "_for_testing",
      .description = "Applies only the part of the negative conditioning that is perpendicular to the positive one.",
      .inputs = {model_input(), Link("empty_conditioning", &PerpNeg::empty_conditioning),
                 Float("neg_scale", &PerpNeg::neg_scale).range(0.0, 100.0).step(0.01)},
      .run = perp_neg,
      .foresee = foresee_perp_neg});
  add<Patch>(table, "CFGZeroStar", "CFGZeroStar", "advanced/guidance",
             "Scales the unconditional direction to fit the conditional one.", {model_input()},
             [](const Patch& in) { return guided(in, guidance::cfg_zero_star()); });
  add<CfgNorm>(table, "CFGNorm", "CFGNorm", "advanced/guidance",
               "Scales the guided prediction down to the norm of the conditional one.",
               {model_input(), Float("strength", &CfgNorm::strength).range(0.0, 100.0).step(0.01).useful(0, 2, 0.05)},
               [](const CfgNorm& in) { return guided(in, guidance::cfg_norm(in.strength)); });
}

}  // namespace

void register_model_patch_nodes(Table& table) {
  using sampling::Prediction;
  add<SamplingKind>(
      table, "ModelSamplingDiscrete", "ModelSamplingDiscrete", "advanced/model",
      "Sets what a model predicts, which its file may not tell: lcm for models (or LoRAs) that need few steps.",
      {model_input(),
       Choice("sampling", &SamplingKind::sampling,
              {{"eps", Prediction::kEps},
               {"v_prediction", Prediction::kV},
               {"lcm", Prediction::kLcm},
               {"x0", Prediction::kX0}}),
       Bool("zsnr", &SamplingKind::zsnr)
           .tip("Rescales the schedule so that it starts from pure noise; for models that were trained so.")},
      sampling_kind);
  add<Differential>(
      table, "DifferentialDiffusion", "Differential Diffusion", "_for_testing",
      "Makes masks gradual: the lighter a part of the mask is, the earlier it may change, so that edges blend.",
      {model_input(),
       Float("strength", &Differential::strength).range(0.0, 1.0).step(0.01).useful(0, 1, 0.05).optional()},
      differential);
  add_maps(table);
  add_guidance(table);
}

}  // namespace easel::nodes
