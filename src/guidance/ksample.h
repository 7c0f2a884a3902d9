// The KSampler: a model, two conditioning lists and a latent in, a denoised latent out.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "guidance/guidance.h"
#include "models/conditioning.h"
#include "models/handles.h"
#include "sampling/sampler.h"

namespace easel::guidance {

struct KSampleRequest {
  models::ModelHandle model;
  models::Conditioning positive, negative;
  Tensor latent;                     // [N,h,w,C] f32, as the VAE encodes
  Tensor noise_mask;                 // [n,H,W] of any size, 1 where the picture may change; undefined for all
  std::vector<int64_t> batch_index;  // per sample, which noise of the seed's batch it gets; empty: in order
  uint64_t seed = 0;
  int steps = 20;
  double cfg = 8.0;
  std::string sampler = "euler", scheduler = "normal";
  double denoise = 1.0;  // 0..1
  // The advanced sampler: no noise added, only some steps of the schedule, what is left of the noise removed at
  // the last one.
  bool disable_noise = false;
  std::optional<int> start_step = {}, last_step = {};
  bool force_full_denoise = false;
  // Noise levels to run through instead of those of scheduler, steps and denoise; falling, or rising (which brings
  // noise into a picture, as far as the sampler can go backwards).
  std::optional<std::vector<float>> sigmas;
  sampling::SamplerKnobs knobs;
  // Guidance by three lists.
  GuidanceStyle style = GuidanceStyle::kCfg;
  models::Conditioning third;
  double second_cfg = 1.0;
  // Guidance evaluates at most so many latent pixels at once, or one entry.
  int64_t max_batch_pixels = 8 * 128 * 128;
  // Everything is loaded and prepared: the first step begins.
  std::function<void()> on_start = {};
  // After each step; x and denoised are latents as the model sees them (LatentFormat::to_model).
  std::function<void(const sampling::SamplerProgress&)> on_step;
  CancelToken cancel;
};

// ComfyUI's common_ksampler: the denoised latent [N,h,w,C]. The latent itself (shared, not copied) when there is
// nothing to do. The model's network is built if it is not, and held until the end; conditional and unconditional
// halves are one batch if there is memory for it. request.model has a network and its noise levels. Throws Error:
// kInvalid for values that make no sense, kMismatch when model, sampler, conditioning and control do not fit each
// other, kMemory, kCancelled, and what loading the model throws.
Tensor ksample(const KSampleRequest& request);

}  // namespace easel::guidance
