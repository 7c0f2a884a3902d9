// Nodes that change the guidance of each step, and operations on latents, which one of them takes.
#include <utility>

#include "guidance/further_guidance.h"
#include "models/model_patch.h"
#include "node_api/table.h"
#include "nodes/common/foreseen_sizes.h"
#include "nodes/common/link_types.h"
#include "nodes/model/latent_operations.h"

namespace easel::nodes {
namespace {

using guidance::LatentOperationPtr;
using models::ModelHandle;

struct Patch {
  Linked<ModelHandle> model;
};

Results<ModelHandle> guided(const Patch& in, models::ModelPatchPtr patch) {
  return {models::with_patch(*in.model, std::move(patch))};
}

struct Projected : Patch {
  double eta = 1.0, norm_threshold = 5.0, momentum = 0.0;
};
struct Frequencies : Patch {
  double scale_low = 1.0, scale_high = 1.25;
  int64_t freq_cutoff = 20;
};
struct Renormed : Patch {
  double cfg_trunc = 100.0, renorm_cfg = 1.0;
};
struct Epsilon : Patch {
  double scaling_factor = 1.005;
};
struct Score : Patch {
  double tsr_k = 0.95, tsr_sigma = 1.0;
};

template <class P>
void add(Table& table, const char* name, const char* display, const char* category, const char* description,
         std::initializer_list<Input<P>> inputs, Run<P> run, const char* output = "MODEL") {
  Inputs<P> all{Link("model", &Patch::model)};
  table.add(NodeOf<P>{.name = name,
                      .display = display,
                      .category = category,
                      .description = description,
                      .inputs = std::move(all).and_then(inputs),
                      .outputs = {{.name = output}},
                      .runs_when_checked = true,
                      .run = std::move(run)});
}

void add_guidance(Table& table) {
  constexpr const char* kPatched = "patched_model";
  add<Patch>(
      table, "TCFG", "Tangential Damping CFG", "advanced/guidance",
      "Takes from the negative prediction what does not lie along the noise that both predict.", {},
      [](const Patch& in) { return guided(in, guidance::tangential_damping()); }, kPatched);
  add<Projected>(table, "APG", "Adaptive Projected Guidance", "sampling/custom_sampling",
                 "Guidance without its part along the positive prediction, which makes colours too strong.",
                 {Float("eta", &Projected::eta)
                      .range(-10.0, 10.0)
                      .step(0.01)
                      .tip("How much of the part along the positive prediction stays; 1: all of it."),
                  Float("norm_threshold", &Projected::norm_threshold)
                      .range(0.0, 50.0)
                      .step(0.1)
                      .tip("The longest that the guidance may be; 0: any length."),
                  Float("momentum", &Projected::momentum)
                      .range(0.0, 1.0)
                      .step(0.01)
                      .tip("How much of the guidance of the steps before is added; 0: none.")},
                 [](const Projected& in) {
                   return guided(in, guidance::projected_guidance(in.eta, in.norm_threshold, in.momentum));
                 });
  add<Patch>(
      table, "Mahiro", "Mahiro CFG", "_for_testing",
      "Goes more in the direction of the positive prompt than away from the negative one.", {},
      [](const Patch& in) { return guided(in, guidance::mahiro()); }, kPatched);
  add<Renormed>(
      table, "RenormCFG", "RenormCFG", "advanced/model",
      "Guidance that does not make the prediction longer; none at noise levels of cfg_trunc and above.",
      {Float("cfg_trunc", &Renormed::cfg_trunc).range(0.0, 100.0).step(0.01),
       Float("renorm_cfg", &Renormed::renorm_cfg)
           .range(0.0, 100.0)
           .step(0.01)
           .tip("How many times as long as the positive prediction the result may be; 0: any length.")},
      [](const Renormed& in) { return guided(in, guidance::renormed_guidance(in.cfg_trunc, in.renorm_cfg)); });
  add<Frequencies>(table, "FreSca", "FreSca", "_for_testing",
                   "Makes coarse and fine parts of the guidance stronger or weaker.",
                   {Float("scale_low", &Frequencies::scale_low).range(0.0, 10.0).step(0.01),
                    Float("scale_high", &Frequencies::scale_high).range(0.0, 10.0).step(0.01),
                    Int("freq_cutoff", &Frequencies::freq_cutoff)
                        .range(1, 100)
                        .step(1)
                        .tip("How many frequencies from 0 up count as low.")},
                   [](const Frequencies& in) {
                     return guided(in, guidance::scaled_frequencies(in.scale_low, in.scale_high, in.freq_cutoff));
                   });
  add<Epsilon>(table, "Epsilon Scaling", "Epsilon Scaling", "model_patches/unet",
               "Divides the noise that the model predicts, which makes up for errors of earlier steps.",
               {Float("scaling_factor", &Epsilon::scaling_factor).range(0.5, 1.5).step(0.001)},
               [](const Epsilon& in) { return guided(in, guidance::scaled_noise(in.scaling_factor)); });
  add<Score>(
      table, "TemporalScoreRescaling", "TSR - Temporal Score Rescaling", "model_patches/unet",
      "Rescales the predicted noise in the course of the sampling.",
      {Float("tsr_k", &Score::tsr_k)
           .range(0.01, 100.0)
           .step(0.001)
           .tip("Below 1 for more detail, above 1 for a smoother picture; 1 changes nothing."),
       Float("tsr_sigma", &Score::tsr_sigma).range(0.01, 100.0).step(0.001).tip("The larger, the earlier it sets in.")},
      [](const Score& in) { return guided(in, guidance::rescaled_score(in.tsr_k, in.tsr_sigma)); }, kPatched);
}

// --- Operations on latents ---

constexpr const char* kOperations = "latent/advanced/operations";

struct Tonemap {
  double multiplier = 1.0;
};
struct Sharpen {
  int64_t sharpen_radius = 9;
  double sigma = 1.0, alpha = 0.1;
};

struct Apply {
  Linked<Latent> samples;
  Linked<LatentOperationPtr> operation;
};
struct ApplyToGuidance : Patch {
  Linked<LatentOperationPtr> operation;
};

Results<Latent> apply(const Apply& in) {
  Latent out = *in.samples;
  out.samples = (**in.operation)(out.samples);
  return {std::move(out)};
}

void add_operations(Table& table) {
  table.add(NodeOf<Tonemap>{.name = "LatentOperationTonemapReinhard",
                            .category = kOperations,
                            .description = "An operation on latents that shortens values far from 0.",
                            .inputs = {Float("multiplier", &Tonemap::multiplier).range(0.0, 100.0).step(0.01)},
                            .runs_when_checked = true,
                            .run = [](const Tonemap& in) -> Results<LatentOperationPtr> {
                              return {guidance::tonemap_reinhard(in.multiplier)};
                            }});
  table.add(NodeOf<Sharpen>{.name = "LatentOperationSharpen",
                            .category = kOperations,
                            .description = "An operation on latents that sharpens them.",
                            .inputs = {Int("sharpen_radius", &Sharpen::sharpen_radius).range(1, 31).step(1),
                                       Float("sigma", &Sharpen::sigma).range(0.1, 10.0).step(0.1),
                                       Float("alpha", &Sharpen::alpha).range(0.0, 5.0).step(0.01)},
                            .runs_when_checked = true,
                            .run = [](const Sharpen& in) -> Results<LatentOperationPtr> {
                              return {guidance::sharpen_latent(in.sharpen_radius, in.sigma, in.alpha)};
                            }});
  table.add(NodeOf<Apply>{.name = "LatentApplyOperation",
                          .category = kOperations,
                          .description = "Changes a latent by an operation.",
                          .inputs = {Link("samples", &Apply::samples), Link("operation", &Apply::operation)},
                          .run = apply,
                          .foresee = like<Apply>(&Apply::samples)});
  add<ApplyToGuidance>(
      table, "LatentApplyOperationCFG", "LatentApplyOperationCFG", kOperations,
      "Changes the guidance of each step by an operation.", {Link("operation", &ApplyToGuidance::operation)},
      [](const ApplyToGuidance& in) { return guided(in, guidance::operated_guidance(*in.operation)); });
}

}  // namespace

void register_further_guidance_nodes(Table& table) {
  add_guidance(table);
  add_operations(table);
}

}  // namespace easel::nodes
