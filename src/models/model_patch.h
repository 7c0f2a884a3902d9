// Everything that nodes do to a model between its file and a sampling run.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "models/conditioning.h"
#include "models/network.h"
#include "models/unet/unet.h"
#include "nn/weights.h"
#include "sampling/schedule/model_sampling.h"
#include "tensor/tensor.h"

namespace easel::models {

// One evaluation of the guidance, as patches see it. All predictions are [N,h,w,C], without noise.
struct GuidanceMoment {
  enum class Side { kPositive, kNegative };

  const Tensor& x;  // with noise
  float sigma;
  double cfg;
  Tensor cond, uncond;   // the predictions of the two lists; uncond is zero if it was not needed
  Tensor denoised = {};  // the combined prediction so far
  // Evaluates one list alone at another x, with one more attention hook (may be null) before those of the ordinary
  // evaluations.
  std::function<Tensor(Side side, const Tensor& x, const AttentionHookPtr& hook)> evaluate = {};
};

// A patch at work in one sampling run. It may keep state between calls.
class GuidanceStep {
 public:
  virtual ~GuidanceStep() = default;
  // Called once, before anything else, with the noise levels of the run.
  virtual void begin(const sampling::ModelSampling&) {}
  // Called before a step's evaluations: a prediction for x in place of all of them, or an undefined tensor.
  virtual Tensor instead(const Tensor& x [[maybe_unused]], float sigma [[maybe_unused]]) { return Tensor(); }
  // The prediction that was evaluated and combined, by all patches.
  virtual void was(const Tensor& x [[maybe_unused]], float sigma [[maybe_unused]],
                   const Tensor& denoised [[maybe_unused]]) {}
  // Takes part in the attention of the ordinary evaluations; null for none.
  virtual AttentionHookPtr hook() const { return nullptr; }
  // Changes cond and uncond before they are combined.
  virtual void before(GuidanceMoment&) {}
  // Computes moment.denoised from cond and uncond in place of the usual formula, or returns false. The last patch that
  // returns true decides.
  virtual bool combine(GuidanceMoment&) { return false; }
  // Changes moment.denoised.
  virtual void after(GuidanceMoment&) {}
};

// Stands between guidance and the network for one sampling run. It may keep state between calls.
class NetworkStep {
 public:
  virtual ~NetworkStep() = default;
  // The output for a batch in place of the network's, or an undefined tensor. x [chunks*N,h,w,C] f32 is what the
  // network is given, without further channels.
  virtual Tensor instead(const NetworkBatch& batch [[maybe_unused]], const Tensor& x [[maybe_unused]]) {
    return Tensor();
  }
  // The network's output for a batch that no step had one for.
  virtual void was(const NetworkBatch& batch [[maybe_unused]], const Tensor& x [[maybe_unused]],
                   const Tensor& output [[maybe_unused]]) {}
};

// The neutral (empty) conditioning of Perp-Neg, and the weight of the negative one (Armandpour et al. 2023).
struct NeutralList {
  Conditioning list;
  double scale = 1.0;
};

// One change to a model. A patch overrides the functions for the parts that it changes. Handles hold a list of patches
// in the order in which they were applied. A part that the model does not have is not asked for, so its patch has no
// effect. Immutable.
class ModelPatch {
 public:
  virtual ~ModelPatch() = default;
  // For people: "adapter", "hook", "guidance", "weights".
  virtual std::string_view kind() const = 0;

  // Changes weights on their way into the network.
  virtual nn::WeightPatchPtr weights() const { return nullptr; }
  // Take part in every attention, and in the maps between blocks, of networks that have them.
  virtual AttentionHookPtr attention() const { return nullptr; }
  virtual BlockHookPtr blocks() const { return nullptr; }
  // Takes part in the evaluations of the network in one run; of networks that are UNets.
  virtual std::unique_ptr<NetworkStep> network(const sampling::ModelSampling&) const { return nullptr; }
  // Takes part in the guidance of one run.
  virtual std::unique_ptr<GuidanceStep> guidance() const { return nullptr; }
  // Whether the unconditional prediction is needed even if cfg is 1.
  virtual bool always_uncond() const { return false; }
  virtual const NeutralList* neutral() const { return nullptr; }
  // With a grey-level noise mask, the darker a part, the later it may change; 0..1 mixes the mask itself (0) with that
  // (1) (Levin & Fried 2023, "Differential Diffusion").
  virtual std::optional<float> gradual_mask() const { return std::nullopt; }
};

// Patches of one kind.
ModelPatchPtr weight_patch(nn::WeightPatchPtr weights);
ModelPatchPtr attention_patch(AttentionHookPtr hook);
ModelPatchPtr block_patch(BlockHookPtr hook);
ModelPatchPtr neutral_patch(NeutralList list);
ModelPatchPtr gradual_mask_patch(float amount);

}  // namespace easel::models
