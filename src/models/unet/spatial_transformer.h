// Attention over the pixels of a feature map and over the text context.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "models/unet/unet.h"
#include "nn/layers.h"

namespace easel::models {

// The maps and tokens of the residual stream are f32 throughout; the operands of products are rounded to the compute
// type. With the residual stream in bf16, the error of a whole SDXL evaluation would be half as large again.

// What all blocks share during one evaluation of a UNet or ControlNet.
struct Evaluation {
  Tensor emb;  // [N, time_embed_dim]: SiLU of the time (and label) embedding, in the compute type
  const ContextProjection* context = nullptr;
  std::span<const AttentionHookPtr> hooks;
  const StepInfo* step = nullptr;
  HookProjections* hook_projections = nullptr;
};

// A group norm of x [N,h,w,C] with what hooks put beside it.
Tensor group_norm(const nn::GroupNorm& norm, const Tensor& x, ops::Activation activation, const Evaluation& e,
                  std::optional<DType> out = {});

// The rows that keys and values are made of, [N,T,C].
struct KeyValueRows {
  Tensor key, value;
  bool differ = false;  // a hook has changed one of them or both
};
// `rows` for both, as hooks change them.
KeyValueRows key_value_rows(const Tensor& rows, std::span<const AttentionHookPtr> hooks);

// The number of attention heads for a map of `channels` channels. Throws Error(kBadFile) if they do not divide it.
int64_t head_count(const UNetConfig& config, int64_t channels, const nn::Weights& w);

// A 1x1 convolution, or the matrix it is equal to on channels-last maps. Keys: weight [out,in] or [out,in,1,1], bias.
nn::Linear pointwise(const nn::Weights& w);

// One of transformer_blocks.N. Keys: norm1-3, attn1 (self; in some blocks of SDXS context), attn2 (context), ff.
class TransformerBlock {
 public:
  TransformerBlock(const nn::Weights& w, const AttentionSite& site, int64_t heads);
  // Whether its first attention is to the context: its keys are made of rows of another width than its queries.
  static bool attends_twice_to_context(const nn::Weights& w);

  // x [N,T,C] f32 with T = height * width of the map.
  Tensor operator()(Tensor x, const Evaluation& e, int64_t height, int64_t width) const;
  // context in the compute type, on the device of the weights.
  ContextProjection::KeyValue project(const Tensor& context) const { return project(KeyValueRows{context, context}); }
  ContextProjection::KeyValue project(const KeyValueRows& context) const;
  // Whether its tensors fit one another and tokens of `width` channels.
  bool fits(int64_t width, int64_t context_dim) const;
  size_t bytes() const;

 private:
  class Projector;

  Tensor self_attention(const Tensor& x, const Evaluation& e, const AttentionSite& site) const;
  Tensor cross_attention(const Tensor& x, const Evaluation& e, const AttentionSite& site) const;

  AttentionSite site_;
  nn::LayerNorm norm1_, norm2_, norm3_;
  nn::Linear qkv_, self_out_, q_, context_kv_, cross_out_, ff_in_, ff_out_;
  nn::Linear own_q_, own_kv_;  // in place of qkv_ where the first attention is to the context
  DType compute_;
};

// Keys: norm, proj_in, transformer_blocks, proj_out.
class SpatialTransformer {
 public:
  // `site` is the position of this transformer; its index is that of the first block, and is moved past the last.
  SpatialTransformer(const nn::Weights& w, const UNetConfig& config, AttentionSite& site);

  // x [N,H,W,C] f32 -> the same shape.
  Tensor operator()(const Tensor& x, const Evaluation& e) const;
  // Appends the projections of `context` (in the compute type), one per transformer block.
  void project(const KeyValueRows& context, std::vector<ContextProjection::KeyValue>& layers) const;
  int64_t channels() const { return proj_out_.out_features(); }
  // Whether its tensors fit one another.
  bool fits(int64_t context_dim) const;
  size_t bytes() const;

 private:
  nn::GroupNorm norm_;
  nn::Linear proj_in_, proj_out_;
  DType compute_;
  std::vector<TransformerBlock> blocks_;
};

}  // namespace easel::models
