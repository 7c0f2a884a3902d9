// Samplers: from noise to a picture, in steps of falling noise level.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "sampling/random/torch_random.h"
#include "sampling/schedule/model_sampling.h"
#include "tensor/tensor.h"

namespace easel::sampling {

// A model's prediction of the picture in x = picture + sigma * noise. f32, shape of x.
using Denoiser = std::function<Tensor(const Tensor& x, float sigma)>;

// What a sampler reports after each step.
struct SamplerProgress {
  int step = 0;  // counts from 0; may exceed `total` in adaptive samplers
  int total = 0;
  float sigma = 0;
  const Tensor& x;         // before the step
  const Tensor& denoised;  // the model's current prediction of the picture
};

// The noise levels from which to which something is drawn.
struct PathSpan {
  float lowest = 0, highest = 0;
};

// Options of samplers. A sampler ignores those that it does not have.
struct SamplerKnobs {
  std::optional<float> eta = {};  // amount of fresh noise per step, 0 for none; default 0 in dpm_adaptive, else 1
  float s_noise = 1.0f;           // standard deviation of the fresh noise
  // lms: 1 and up (default 4); dpm_adaptive: 2 or 3 (default 3); er_sde: 1 to 3 (default 3); sa_solver: the
  // predictor's, 1 to 6 (default 3); 0: the default.
  int order = 0;
  float r = 0.5f;             // dpmpp_sde, seeds_2: where in the step the second evaluation is
  bool phi_2 = false;         // seeds_2: the second evaluation bends the step instead of standing for all of it
  bool reverse_time = false;  // er_sde: the noise scale is a power of the level, as in the plain reverse SDE
  // sa_solver: the corrector's order, 0 (none) to 6; the levels at which noise is drawn (default: from 20 to 80 % of
  // the model's schedule); whether steps of order 2 use the paper's simpler weights.
  int corrector_order = 4;
  std::optional<PathSpan> noisy = {};
  bool simple_order_2 = false;
  // dpm_adaptive: tolerances, first step, the controller's coefficients (Soderlind 2003), and the smallest factor of
  // change with which a step is accepted.
  double rtol = 0.05, atol = 0.0078, h_init = 0.05, pcoeff = 0, icoeff = 1, dcoeff = 0, accept_safety = 0.81;
  // tcd: for each level of the schedule, the share of the picture in the variance at the level that the step to it
  // denoises down to (the first is not used).
  std::vector<float> alphas = {};
  // lcm_upscale: the last size in terms of the first, in how many of the first steps it is reached (negative: half of
  // them), and how a latent [N,h,w,C] is resized.
  double total_upscale = 1.0;
  int upscale_steps = -1;
  std::function<Tensor(const Tensor& latent, int64_t height, int64_t width)> resize = {};
};

// One sampling run: everything that a sampler works on.
struct SamplerRun {
  Tensor x;                   // picture + sigmas[0] * noise, f32 contiguous; latents are [N,h,w,C]
  std::vector<float> sigmas;  // falling; the last one is usually 0
  Denoiser denoise;
  // The unconditional prediction of the last denoise(), for samplers that need it (SamplerInfo::wants_uncond).
  std::function<Tensor()> uncond_denoised;
  TorchGenerator* rng = nullptr;         // continues where the initial noise ended
  uint64_t seed = 0;                     // for samplers with a generator of their own
  const ModelSampling* model = nullptr;  // for samplers that add noise to x, or act in a part of the schedule only
  SamplerKnobs knobs;
  std::optional<PathSpan> path_span = {};  // nothing: that of `sigmas`
  std::function<void(const SamplerProgress&)> on_step;
  CancelToken cancel;

  // For the samplers themselves.
  float eta() const { return knobs.eta.value_or(1.0f); }
  int steps() const { return static_cast<int>(sigmas.size()) - 1; }
  // denoise(). Throws Error(kCancelled) once the run is cancelled.
  Tensor evaluate(const Tensor& at, float sigma) const;
  void report(int step, const Tensor& at, float sigma, const Tensor& denoised) const;
  // The model's noise levels. Throws Error(kInternal) in a run without a model.
  const ModelSampling& levels() const;
  // Normal noise of x's shape, drawn from `rng`.
  Tensor noise();
};

struct SamplerInfo {
  std::string_view name;
  Tensor (*run)(SamplerRun& run);
  // For second-order samplers, which would waste their last evaluation on a tiny step: the schedule is made one step
  // longer, and its last level above 0 is left out.
  bool discard_penultimate = false;
  // When inpainting, the noise outside the mask is drawn from seed + 1 rather than taken from the initial noise.
  bool fresh_mask_noise = false;
  // Also correct for models that fade the picture as noise is added (ModelSampling::fades). Solvers of
  // dx/dsigma = (x - denoised) / sigma are, because these models obey it too; samplers that add fresh noise have to
  // scale it for them.
  bool fades = false;
  // Uses uncond_denoised, so guidance must not skip the unconditional evaluation.
  bool wants_uncond = false;
};

// All samplers, in the order of ComfyUI's menus.
std::span<const SamplerInfo> samplers();
// A sampler of the menus, or one that only a node offers ("tcd", "euler_pp", "lcm_upscale"). Throws Error(kInvalid),
// listing the names of the menus.
const SamplerInfo& find_sampler(std::string_view name);

}  // namespace easel::sampling
