// Trajectory consistency distillation (github.com/JettHu/ComfyUI-TCD): few steps with a model or LoRA made for it.
#include <cmath>

#include "node_api/table.h"
#include "nodes/common/sampling_values.h"
#include "sampling/schedule/discrete_sampling.h"
#include "sampling/schedule/schedule.h"

namespace easel::nodes {
namespace {

using models::ModelHandle;

struct Tcd {
  Linked<ModelHandle> model;
  int64_t steps = 4;
  std::string scheduler;
  double denoise = 1.0, eta = 0.3;
};

void check_tcd(const Tcd& in) {
  if (!(in.denoise > 0)) throw Error(Fault::kInvalid, "must be above 0").at_input("denoise");
  sampling::require_schedule(static_cast<int>(in.steps), in.denoise);
}

std::shared_ptr<const sampling::DiscreteSampling> distilled(const ModelHandle& model) {
  auto out = model.sampling->distilled();
  if (!out)
    throw Error(Fault::kMismatch, "TCD goes with models of discrete timesteps, and " + model.file + " has none")
        .at_input("model");
  return out;
}

ModelHandle patched(ModelHandle model) {
  model.sampling = distilled(model);
  return model;
}

Results<ModelHandle, SamplerChoice, Sigmas> tcd(const Tcd& in) {
  const auto levels = distilled(*in.model);
  Sigmas sigmas = sampling::sampling_sigmas(
      *levels, {.scheduler = in.scheduler, .steps = static_cast<int>(in.steps), .denoise = in.denoise});
  SamplerChoice sampler{.name = "tcd"};
  sampler.knobs.eta = static_cast<float>(in.eta);
  const auto rest = static_cast<float>(1 - in.eta);
  // The last level is 0, from which no step begins.
  for (size_t i = 0; i < sigmas.size(); ++i) {
    const float below = i + 1 < sigmas.size() ? std::floor(rest * levels->timestep(sigmas[i])) : 0.0f;
    sampler.knobs.alphas.push_back(levels->alpha_product(static_cast<int>(below)));
  }
  return {patched(*in.model), std::move(sampler), std::move(sigmas)};
}

Foreseen<ModelHandle, SamplerChoice, Sigmas> foresee_tcd(const Known<Tcd>& in) {
  const ModelHandle* model = in(&Tcd::model);
  if (!model) return {std::nullopt, ForeseenSampler{}, std::nullopt};
  return {patched(*model), ForeseenSampler{}, std::nullopt};
}

}  // namespace

void register_tcd_nodes(Table& table) {
  table.add(NodeOf<Tcd>{.name = "TCDModelSamplingDiscrete",
                        .display = "TCD Model Sampling Discrete",
                        .category = "advanced/model",
                        .description = "Prepares a model, a sampler and noise levels for few steps of TCD.",
                        .origin = "tcd",
                        .inputs = {Link("model", &Tcd::model), Int("steps", &Tcd::steps).range(1, 50),
                                   Choice("scheduler", &Tcd::scheduler, {"simple", "sgm_uniform"}),
                                   Float("denoise", &Tcd::denoise).range(0.0, 1.0).step(0.01),
                                   Float("eta", &Tcd::eta).range(0.0, 1.0).step(0.01)},
                        .run = tcd,
                        .check = check_tcd,
                        .foresee = foresee_tcd});
}

}  // namespace easel::nodes
