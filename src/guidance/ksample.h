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

// Initial noise that was not drawn by the usual rule.
struct GivenNoise {
  Tensor noise;                             // [N,h,w,C]
  sampling::TorchGenerator continues_with;  // what samplers that add fresh noise draw it from
};

struct KSampleRequest {
  models::ModelHandle model;
  models::Conditioning positive, negative;
  Tensor latent;                     // [N,h,w,C] f32, as the VAE encodes
  Tensor noise_mask;                 // [n,H,W] of any size, 1 where the picture may change; undefined: everywhere
  std::vector<int64_t> batch_index;  // the index of each sample's noise in the seed's batch; empty: 0, 1, ...
  uint64_t seed = 0;
  int steps = 20;
  double cfg = 8.0;
  std::string sampler = "euler", scheduler = "normal";
  double denoise = 1.0;  // 0..1
  // KSamplerAdvanced: add no noise; take only some steps of the schedule; remove what is left of the noise in the last
  // of them.
  bool disable_noise = false;
  std::optional<GivenNoise> noise = {};  // in place of the seed's; not looked at when no noise is added
  // Whether the noise of a path (dpmpp_sde and its kin) spans the whole schedule, or, as in KSampler, the steps that
  // are taken.
  bool path_spans_schedule = false;
  std::optional<int> start_step = {}, last_step = {};
  bool force_full_denoise = false;
  // Noise levels in place of those of scheduler, steps and denoise; falling, or rising (which adds noise to a picture,
  // with samplers that can go backwards).
  std::optional<std::vector<float>> sigmas;
  sampling::SamplerKnobs knobs;
  // Guidance by three lists; see GuidanceStyle.
  GuidanceStyle style = GuidanceStyle::kCfg;
  models::Conditioning middle;
  double negative_scale = 1.0;
  // The most latent pixels in a batch of several entries.
  int64_t max_batch_pixels = kMostBatchPixels;
  // Called when everything is loaded and prepared, before the first step.
  std::function<void()> on_start = {};
  // Called after each step; x and denoised are latents in the model's format (LatentFormat::to_model).
  std::function<void(const sampling::SamplerProgress&)> on_step;
  CancelToken cancel;
};

// ComfyUI's common_ksampler: the denoised latent [N,h,w,C], or the given latent (shared, not copied) if there is
// nothing to sample. The model's network is built if necessary, and held until the end; conditional and unconditional
// entries share a batch if there is memory for it. request.model has a network and its noise levels. Throws Error:
// kInvalid for values out of range, kMismatch if model, sampler, conditioning and control do not fit each other,
// kMemory, kCancelled, and what loading the model throws.
Tensor ksample(const KSampleRequest& request);

}  // namespace easel::guidance
