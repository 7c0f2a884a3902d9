// Samplers: from noise to a picture in steps of falling noise level.
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

// The picture without noise that a model sees in x = picture + sigma * noise. f32, shape of x.
using Denoiser = std::function<Tensor(const Tensor& x, float sigma)>;

// What is told after each step.
struct SamplerProgress {
  int step = 0;  // counts from 0; adaptive samplers may pass `total`
  int total = 0;
  float sigma = 0;
  const Tensor& x;         // before the step
  const Tensor& denoised;  // the model's current idea of the picture
};

// What a sampler may be told beside its name; those it does not know mean nothing to it.
struct SamplerKnobs {
  std::optional<float> eta = {};  // amount of fresh noise per step, 0 for none; dpm_adaptive has 0, all others 1
  float s_noise = 1.0f;           // its deviation
  int order = 0;                  // lms: 1.. (4); dpm_adaptive: 2 or 3 (3); 0: what it has of its own
  float r = 0.5f;                 // dpmpp_sde: where in the step the second evaluation is
  // dpm_adaptive: tolerances, first step, the controller's coefficients (Soderlind 2003), and what it accepts.
  double rtol = 0.05, atol = 0.0078, h_init = 0.05, pcoeff = 0, icoeff = 1, dcoeff = 0, accept_safety = 0.81;
};

// One sampling run: everything a sampler works on.
struct SamplerRun {
  Tensor x;                   // picture + sigmas[0] * noise, f32 contiguous; latents are [N,h,w,C]
  std::vector<float> sigmas;  // falling; the last one is usually 0
  Denoiser denoise;
  // The unconditional half of the last denoise(), for samplers that ask for it (SamplerInfo::wants_uncond).
  std::function<Tensor()> uncond_denoised;
  TorchGenerator* rng = nullptr;         // goes on where the start noise ended
  uint64_t seed = 0;                     // of samplers that bring their own randomness
  const ModelSampling* model = nullptr;  // for samplers that add noise to x, or act in a part of the schedule only
  SamplerKnobs knobs;
  std::function<void(const SamplerProgress&)> on_step;
  CancelToken cancel;

  // For the samplers themselves.
  float eta() const { return knobs.eta.value_or(1.0f); }
  int steps() const { return static_cast<int>(sigmas.size()) - 1; }
  // denoise(), stopping with Error(kCancelled) on request.
  Tensor evaluate(const Tensor& at, float sigma) const;
  void report(int step, const Tensor& at, float sigma, const Tensor& denoised) const;
  // The model's levels; samplers that ask for them cannot run without.
  const ModelSampling& levels() const;
  // Normal noise of the shape of x from `rng`.
  Tensor noise();
};

struct SamplerInfo {
  std::string_view name;
  Tensor (*run)(SamplerRun& run);
  // Second-order samplers that would waste their last evaluation on a tiny step: the schedule is made one step
  // longer and its last level above 0 left out.
  bool discard_penultimate = false;
  // Noise for the masked-out part of an inpainting is drawn anew from seed + 1 instead of taken from the start noise.
  bool fresh_mask_noise = false;
  // Right for models that fade the picture as noise comes in (ModelSampling::fades), too. Whatever solves
  // dx/dsigma = (x - denoised) / sigma is, for that holds for them as well; fresh noise has to be scaled for it.
  bool fades = false;
  // Needs uncond_denoised, so guidance may not skip the unconditional half.
  bool wants_uncond = false;
};

// All samplers in the order menus show them.
std::span<const SamplerInfo> samplers();
// Throws Error(kInvalid) naming the known ones.
const SamplerInfo& find_sampler(std::string_view name);

}  // namespace easel::sampling
