#include "models/patch/attention_scale.h"

#include <utility>

#include "models/model_patch.h"
#include "models/patch/exact.h"
#include "models/unet/unet_source.h"
#include "ops/elementwise.h"

namespace easel::models {
namespace {

std::string described(const AttentionFactors& f) {
  return exact(f.query) + " " + exact(f.key) + " " + exact(f.value) + " " + exact(f.out);
}

StoredTensor scaled(const StoredTensor& weight, float factor) {
  if (factor == 1.0f) return weight;
  return ops::affine(weight.decoded(), factor);
}

bool ends_with_parameter(const std::string& name, const std::string& of) {
  return name.ends_with(of + ".weight") || name.ends_with(of + ".bias");
}

class ScaledUnetAttention final : public nn::WeightPatch {
 public:
  ScaledUnetAttention(AttentionPart part, AttentionFactors factors)
      : scope_(part == AttentionPart::kSelf ? "attn1." : "attn2."), factors_(factors) {}

  StoredTensor apply(const std::string& name, const StoredTensor& weight) const override {
    if (ends_with_parameter(name, scope_ + "to_q")) return scaled(weight, factors_.query);
    if (ends_with_parameter(name, scope_ + "to_k")) return scaled(weight, factors_.key);
    if (ends_with_parameter(name, scope_ + "to_v")) return scaled(weight, factors_.value);
    if (ends_with_parameter(name, scope_ + "to_out.0")) return scaled(weight, factors_.out);
    return weight;
  }
  std::string key() const override { return "attention " + scope_ + " " + described(factors_); }

 private:
  std::string scope_;
  AttentionFactors factors_;
};

class ScaledTextAttention final : public nn::WeightPatch {
 public:
  explicit ScaledTextAttention(AttentionFactors factors) : factors_(factors) {}

  StoredTensor apply(const std::string& name, const StoredTensor& weight) const override {
    if (ends_with_parameter(name, "attn.q_proj")) return scaled(weight, factors_.query);
    if (ends_with_parameter(name, "attn.k_proj")) return scaled(weight, factors_.key);
    if (ends_with_parameter(name, "attn.v_proj")) return scaled(weight, factors_.value);
    if (ends_with_parameter(name, "attn.out_proj")) return scaled(weight, factors_.out);
    // OpenCLIP's files hold the three of them in one matrix, one below the other.
    if (!name.ends_with("attn.in_proj_weight") && !name.ends_with("attn.in_proj_bias")) return weight;
    const Tensor all = weight.decoded();
    const int64_t rows = all.dim(0) / 3;
    return ops::concat({ops::affine(contiguous(all.slice(0, 0, rows)), factors_.query),
                        ops::affine(contiguous(all.slice(0, rows, rows)), factors_.key),
                        ops::affine(contiguous(all.slice(0, 2 * rows, rows)), factors_.value)},
                       0);
  }
  std::string key() const override { return "text attention " + described(factors_); }

 private:
  AttentionFactors factors_;
};

}  // namespace

ModelHandle scale_attention(const ModelHandle& model, AttentionPart part, const AttentionFactors& factors) {
  unet_of(model, "scaled attention");
  return with_patch(model, weight_patch(std::make_shared<const ScaledUnetAttention>(part, factors)));
}

ClipHandle scale_attention(const ClipHandle& clip, const AttentionFactors& factors, memory::Residency& residency) {
  ClipHandle out = clip;
  TextEncoder::TowerPatches patches;
  for (const TextTowerKind kind : {TextTowerKind::kL, TextTowerKind::kH, TextTowerKind::kG})
    if (clip.encoder->has(kind)) patches[kind] = std::make_shared<const ScaledTextAttention>(factors);
  out.encoder = clip.encoder->patched(residency, patches);
  return out;
}

}  // namespace easel::models
