// Everything that nodes do to a model between its file and a sampling run.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "models/conditioning.h"
#include "models/unet/unet.h"
#include "nn/weights.h"
#include "tensor/tensor.h"

namespace easel::models {

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
  std::function<Tensor(Side side, const Tensor& x, const AttentionHookPtr& hook)> evaluate = {};
};

// A patch at work in one sampling run; may remember things from call to call.
class GuidanceStep {
 public:
  virtual ~GuidanceStep() = default;
  // Takes part in the attention of the ordinary evaluations; null for none.
  virtual AttentionHookPtr hook() const { return nullptr; }
  // Makes moment.denoised of cond and uncond in place of the usual formula, or returns false. The last patch that
  // can does it.
  virtual bool combine(GuidanceMoment&) { return false; }
  // Changes moment.denoised.
  virtual void after(GuidanceMoment&) {}
};

// A list that guidance is to measure the others from, and how much of the negative one is used (Armandpour et al.
// 2023).
struct NeutralList {
  Conditioning list;
  double scale = 1.0;
};

// One change: what it takes part in it says, the rest it leaves as it is. Handles hold a list of them in the order in
// which they were applied; what nobody asks for has no effect. Immutable.
class ModelPatch {
 public:
  virtual ~ModelPatch() = default;
  // For people: "adapter", "hook", "guidance", "weights".
  virtual std::string_view kind() const = 0;

  // Changes weights on their way into the network.
  virtual nn::WeightPatchPtr weights() const { return nullptr; }
  // Takes part in every attention, and in the maps between blocks, of networks that have such.
  virtual AttentionHookPtr attention() const { return nullptr; }
  virtual BlockHookPtr blocks() const { return nullptr; }
  // Takes part in the guidance of one run.
  virtual std::unique_ptr<GuidanceStep> guidance() const { return nullptr; }
  // Whether the unconditional picture is needed even where the guidance's strength leaves it out.
  virtual bool always_uncond() const { return false; }
  virtual const NeutralList* neutral() const { return nullptr; }
  // With a mask of grey levels, dark parts are let go later than bright ones: how much of that instead of the mask
  // itself, 0..1 (Levin & Fried 2023, "Differential Diffusion").
  virtual std::optional<float> gradual_mask() const { return std::nullopt; }
};

// Patches that are one thing.
ModelPatchPtr weight_patch(nn::WeightPatchPtr weights);
ModelPatchPtr attention_patch(AttentionHookPtr hook);
ModelPatchPtr block_patch(BlockHookPtr hook);
ModelPatchPtr neutral_patch(NeutralList list);
ModelPatchPtr gradual_mask_patch(float amount);

}  // namespace easel::models
