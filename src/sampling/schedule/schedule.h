// Which noise levels a sampling run passes through.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sampling/schedule/model_sampling.h"

namespace easel::sampling {

// Names of the schedulers, in the order of ComfyUI's menus.
std::span<const std::string_view> scheduler_names();

// The noise levels of `steps` steps, falling: usually steps + 1 levels, the last of which is 0 ("beta" drops repeated
// levels, "ddim_uniform" has as many as its stride gives). steps >= 1.
// Throws Error(kInvalid) for an unknown scheduler, listing the known ones, and for steps outside 1..100000.
// Sources: Karras et al. 2022, eq. 5 (karras); Song et al. 2020 (ddim_uniform); Lee et al. 2024, arXiv
// 2407.12173 (beta); Sabour et al. 2024, theorem 3.1 (kl_optimal); the others as ComfyUI defines them.
std::vector<float> schedule(const ModelSampling& model, std::string_view scheduler, int steps);

// The levels that a KSampler runs on. denoise below 1 takes the last `steps` steps of a schedule of steps / denoise.
struct SigmaRequest {
  std::string_view scheduler = "normal";
  int steps = 20;
  double denoise = 1.0;
  bool discard_penultimate = false;  // see SamplerInfo
  // KSamplerAdvanced: only these steps of the schedule; with `force_full_denoise` the last level taken becomes 0.
  std::optional<int> start_step = {}, last_step = {};
  bool force_full_denoise = false;
};
// Throws Error(kInvalid) where `steps` at `denoise` are part of a schedule of more than 100000 steps, or steps < 1.
void require_schedule(int steps, double denoise);
// Empty, or a single level, if there is nothing to sample.
std::vector<float> sampling_sigmas(const ModelSampling& model, const SigmaRequest& request);

// The scheduler "beta" with a given distribution; a, b > 0.
std::vector<float> beta_schedule(const ModelSampling& model, int steps, double a, double b);

// torch.linspace(start, end, count) in f32, to the last bit.
std::vector<float> torch_linspace(float start, float end, int count);

// x with P(X <= x) = p for the beta distribution with shape a, b > 0; 0 <= p <= 1; error about 1e-12.
double beta_quantile(double p, double a, double b);

}  // namespace easel::sampling
