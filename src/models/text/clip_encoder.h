// The stack of residual blocks that CLIP's text and vision towers and the style adapter share.
#pragma once

#include <string>
#include <vector>

#include "nn/layers.h"

namespace easel::models {

// A linear layer whose shape is checked before it is packed: keys weight [out,in] and, with `bias`, bias [out].
// A missing weight is recorded as Weights::get does. Throws Error(kBadFile) naming the key and both shapes.
nn::Linear checked_linear(const nn::Weights& w, int64_t in, int64_t out, bool bias = true);
// The same for several layers with one input, as one product.
nn::Linear checked_linears(std::initializer_list<nn::Weights> parts, int64_t in, int64_t out);
// The same for a layer norm over `width` values.
nn::LayerNorm checked_norm(const nn::Weights& w, int64_t width);

// A parameter of that shape, copied as f32; undefined if it is missing (which is recorded) or `w` is only probed.
// Throws Error(kBadFile) if the tensor exists but is empty or of another shape. A missing one is left to get().
void expect_shape(const nn::Weights& w, const std::string& name, const Shape& expected);
Tensor checked_parameter(const nn::Weights& w, const std::string& name, const Shape& shape);

// The shape of a tensor of that rank with values in it. Throws Error(kBadFile) naming the key.
Shape shape_of_rank(const nn::Weights& w, const std::string& name, int rank);

struct ClipEncoderConfig {
  int64_t width = 0, heads = 0, layers = 0;
  ops::Activation activation = ops::Activation::kGelu;
  bool causal = false;
};

// Pre-norm transformer: x += attention(norm1 x); x += fc2(act(fc1(norm2 x))), `layers` times.
// Keys, in the transformers library's names: layers.N.{layer_norm1, self_attn.{q,k,v,out}_proj, layer_norm2,
// mlp.fc1, mlp.fc2}. Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision".
class ClipEncoder {
 public:
  ClipEncoder() = default;
  // `w` is the scope that holds `layers`. Throws Error(kBadFile) for shapes that do not fit each other;
  // missing tensors are left to Weights::require_all().
  ClipEncoder(const nn::Weights& w, const ClipEncoderConfig& config);

  struct Output {
    Tensor last;          // after all layers
    Tensor intermediate;  // after layer `keep`, undefined when keep < 0
  };
  // x [N,T,width] f32, as are the results. keep: the index of a layer whose result is also returned.
  // With need_last = false, the layers after `keep` are not run.
  Output operator()(Tensor x, int64_t keep = -1, bool need_last = true) const;

  const ClipEncoderConfig& config() const { return config_; }
  size_t bytes() const;

 private:
  struct Block {
    nn::LayerNorm norm1, norm2;
    nn::Linear qkv, out, fc1, fc2;
  };
  Tensor run(const Block& block, Tensor x) const;

  ClipEncoderConfig config_;
  DType compute_ = DType::kF32;
  std::vector<Block> blocks_;
};

}  // namespace easel::models
