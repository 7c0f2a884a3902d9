#include "models/model_patch.h"

#include <utility>

namespace easel::models {
namespace {

class Weights final : public ModelPatch {
 public:
  explicit Weights(nn::WeightPatchPtr weights) : weights_(std::move(weights)) {}
  std::string_view kind() const override { return "weights"; }
  nn::WeightPatchPtr weights() const override { return weights_; }

 private:
  nn::WeightPatchPtr weights_;
};

class Attention final : public ModelPatch {
 public:
  explicit Attention(AttentionHookPtr hook) : hook_(std::move(hook)) {}
  std::string_view kind() const override { return "adapter"; }
  AttentionHookPtr attention() const override { return hook_; }

 private:
  AttentionHookPtr hook_;
};

class Blocks final : public ModelPatch {
 public:
  explicit Blocks(BlockHookPtr hook) : hook_(std::move(hook)) {}
  std::string_view kind() const override { return "hook"; }
  BlockHookPtr blocks() const override { return hook_; }

 private:
  BlockHookPtr hook_;
};

class Neutral final : public ModelPatch {
 public:
  explicit Neutral(NeutralList list) : list_(std::move(list)) {}
  std::string_view kind() const override { return "guidance"; }
  const NeutralList* neutral() const override { return &list_; }

 private:
  NeutralList list_;
};

class GradualMask final : public ModelPatch {
 public:
  explicit GradualMask(float amount) : amount_(amount) {}
  std::string_view kind() const override { return "mask"; }
  std::optional<float> gradual_mask() const override { return amount_; }

 private:
  float amount_;
};

}  // namespace

ModelPatchPtr weight_patch(nn::WeightPatchPtr weights) { return std::make_shared<const Weights>(std::move(weights)); }
ModelPatchPtr attention_patch(AttentionHookPtr hook) { return std::make_shared<const Attention>(std::move(hook)); }
ModelPatchPtr block_patch(BlockHookPtr hook) { return std::make_shared<const Blocks>(std::move(hook)); }
ModelPatchPtr neutral_patch(NeutralList list) { return std::make_shared<const Neutral>(std::move(list)); }
ModelPatchPtr gradual_mask_patch(float amount) { return std::make_shared<const GradualMask>(amount); }

}  // namespace easel::models
