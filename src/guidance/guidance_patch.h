// What nodes do to the guidance of a model.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "models/conditioning.h"
#include "models/handles.h"
#include "tensor/tensor.h"

namespace easel::guidance {

// One call of the guidance, as patches see it. All pictures are [N,h,w,C], without noise.
struct GuidanceMoment {
  enum class Side { kPositive, kNegative };

  const Tensor& x;  // with noise
  float sigma;
  double cfg;
  Tensor cond, uncond;   // the predictions of the two lists; uncond is zero if it was not needed
  Tensor denoised = {};  // the combined prediction so far
  // What a list leads to from another x, alone, with one more hook (may be null) in the network's attention, before
  // those of the ordinary evaluations.
  std::function<Tensor(Side side, const Tensor& x, const models::AttentionHookPtr& hook)> evaluate = {};
};

// A patch at work in one sampling run; may remember things from call to call.
class GuidanceStep {
 public:
  virtual ~GuidanceStep() = default;
  // Takes part in the attention of the ordinary evaluations; null for none.
  virtual models::AttentionHookPtr hook() const { return nullptr; }
  // Makes moment.denoised of cond and uncond in place of the usual formula, or returns false. The last patch that
  // can does it.
  virtual bool combine(GuidanceMoment&) { return false; }
  // Changes moment.denoised.
  virtual void after(GuidanceMoment&) {}
};

// A change to the guidance. Immutable.
class GuidancePatch : public models::SamplingPatch {
 public:
  virtual std::unique_ptr<GuidanceStep> start() const = 0;
  // Whether the unconditional picture is needed even at cfg 1.
  virtual bool always_uncond() const { return false; }
};

// Guidance brought back to the spread of the conditional velocity, by `multiplier` (Lin et al. 2023, section 3.4).
models::SamplingPatchPtr rescale_cfg(double multiplier);

// Away from what the model makes of a picture when the middle block's self-attention only passes its values on
// (Ahn et al. 2024, "Self-Rectifying Diffusion Sampling with Perturbed-Attention Guidance").
models::SamplingPatchPtr perturbed_attention_guidance(double scale);

// Away from what the model makes of a picture that is blurred where the middle block looks (Hong et al. 2023,
// "Improving Sample Quality of Diffusion Models Using Self-Attention Guidance").
models::SamplingPatchPtr self_attention_guidance(double scale, double blur_sigma);

// Classifier-free guidance whose unconditional direction is scaled to fit the conditional one (Fan et al. 2025,
// "CFG-Zero*").
models::SamplingPatchPtr cfg_zero_star();

// The result brought down, pixel by pixel, to the length of the conditional picture's values, times `strength`.
models::SamplingPatchPtr cfg_norm(double strength);

// GuidanceStyle::kPerpNeg as a property of a model: the neutral list and how much of the negative one is used.
struct PerpNegPatch final : models::SamplingPatch {
  PerpNegPatch(models::Conditioning list, double weight) : neutral(std::move(list)), scale(weight) {}
  models::Conditioning neutral;
  double scale;
};

}  // namespace easel::guidance
