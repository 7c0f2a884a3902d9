// The hook of an IP-Adapter: adds attention to image tokens to every cross-attention.
#pragma once

#include <compare>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "models/ip_adapter/ip_adapter.h"
#include "models/unet/unet.h"

namespace easel::models {

// What the weight multiplies. The nodes of 2024-01 call it "weight type", today's nodes "embeds scaling":
enum class IpScaling {
  kOutput,               // "original",        "V only": the attention's result
  kKeyValue,             // "linear",          "K+V": keys and values
  kKeyValuePenalty,      //                    "K+V w/ C penalty": the same, times channels / 1280
  kKeyMeanValuePenalty,  // "channel penalty", "K+mean(V) w/ C penalty": keys, and the mean of the values
};
// By any of those names. Throws Error(kInvalid) for another one.
IpScaling ip_scaling(std::string_view name);

// Today's weight types ("ease in", "style transfer", ...), in the reference's order: how the weight differs from layer
// to layer. "linear" is the same everywhere.
std::span<const char* const> ip_weight_types();

// How one cross-attention uses the tokens.
struct IpLayerRule {
  float weight = 1.0f;       // 0: nothing
  bool inverted = false;     // the image's tokens are the unconditional ones, and zeros the conditional ones
  bool composition = false;  // the tokens of the composition image are used, if there are any
};

struct IpWeightOptions {
  std::string type = "linear";
  double weight = 1.0;
  double composition_weight = 1.0;          // "style and composition" types
  std::optional<double> style_boost;        // "style transfer precise"
  std::optional<double> composition_boost;  // "composition precise"
  std::map<int, double> layers;             // weight factor by transformer number; overrides the type
};

// The rules by AttentionSite::index, for an adapter with `layers` key matrices on a model of this shape. Layers are
// identified by the number of their spatial transformer in the order of execution (SD 1.x has 16, SDXL 11).
// Throws Error(kInvalid) for an unknown type.
std::vector<IpLayerRule> ip_layer_rules(const UNetConfig& config, const IpWeightOptions& options);

// The image as tokens, for the conditional and the unconditional part of a batch: [N,T,C] each, with the same N.
struct IpTokens {
  Tensor cond, uncond;
  Tensor composition;  // [N,T,C] or undefined
};

struct IpAttentionOptions {
  std::vector<IpLayerRule> rules;  // by AttentionSite::index
  IpScaling scaling = IpScaling::kOutput;
  float sigma_start = 999999999.9f, sigma_end = 0.0f;  // active while sigma_start >= sigma >= sigma_end
  Tensor mask;                                         // [M,H,W] f32 or undefined: where the image has influence
  bool bicubic_mask = false;                           // as the nodes of 2024-01 shrink masks; else bilinear
  bool unfold_batch = false;                           // image i steers sample i, instead of all images every sample
  std::vector<float> sample_weights;                   // a factor for each sample, the last for all that follow
};

// out + attention(q, K, V), with keys and values of the tokens that are computed once, by prepare() or at first use.
// Several adapters are several hooks. Thread-safe.
class IpAttention final : public AttentionHook {
 public:
  IpAttention(IpAdapterHandle adapter, IpTokens tokens, IpAttentionOptions options);

  void prepare(DType values) const override;
  // Throws Error(kMismatch) if the adapter has no keys of q's width for this site.
  Tensor after_cross_attention(const AttentionSite& site, const StepInfo& step, const Tensor& q,
                               const Tensor& out) const override;

 private:
  struct Side {
    Tensor key, value;  // [N,T,width] of the type of the model's maps, weights applied
  };
  struct Layer {
    Side cond, uncond;
  };
  // What the form of a mask depends on.
  struct MaskKey {
    int64_t latent_height, latent_width, tokens, chunks, samples;
    auto operator<=>(const MaskKey&) const = default;
  };
  // Its keys and values for maps of this type.
  std::shared_ptr<const Layer> layer(size_t index, DType values) const;
  Side project(const IpAdapter& adapter, size_t index, const Tensor& tokens, const IpLayerRule& rule,
               DType dtype) const;
  Side scaled(const Side& plain, float weight, DType dtype) const;
  // [samples] factors; empty when all are 1.
  std::vector<float> weights_for(int64_t samples) const;
  Tensor image_attention(const Layer& layer, const AttentionSite& site, const StepInfo& step, const Tensor& q) const;
  Tensor mask_for(const StepInfo& step, int64_t tokens, int64_t samples, const Tensor& like) const;

  IpAdapterHandle adapter_;
  IpTokens tokens_;
  IpAttentionOptions options_;

  mutable Mutex mutex_;
  mutable std::vector<std::shared_ptr<const Layer>> layers_ EASEL_GUARDED_BY(mutex_);
  mutable std::map<MaskKey, Tensor> masks_ EASEL_GUARDED_BY(mutex_);
};

}  // namespace easel::models
