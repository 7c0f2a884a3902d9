// Layers: an op with its weights, built as Layer(weights["scope"]), so that code reads like the keys of the file. A
// layer whose tensors are missing is empty; Weights::require_all() reports them before use.
#pragma once

#include "nn/weights.h"
#include "ops/attention.h"
#include "ops/conv2d.h"
#include "ops/elementwise.h"
#include "ops/linear.h"
#include "ops/norm.h"

namespace easel::nn {

// y = x W^T + b. Keys: weight [out,in], bias [out] (optional).
class Linear {
 public:
  Linear() = default;
  explicit Linear(const Weights& w, bool geglu = false);
  // Multiplies in `compute` instead of the scope's type.
  Linear(const Weights& w, DType compute);
  // Several layers with a common input (q, k, v) as one product with their outputs side by side. If some parts have a
  // bias, that of the others is zero.
  Linear(std::initializer_list<Weights> parts);
  // From tensors directly (slices of a fused parameter); empty if `weight` is undefined. bias may be undefined.
  Linear(const StoredTensor& weight, const StoredTensor& bias, DType compute, const ops::Packer& packer);
  // Several weights as one product; none may be undefined.
  Linear(std::span<const StoredTensor> weights, const StoredTensor& bias, DType compute, const ops::Packer& packer);

  Tensor operator()(const Tensor& x, const ops::LinearArgs& args = {}) const { return ops::linear(x, *packed_, args); }
  explicit operator bool() const { return packed_ != nullptr; }
  int64_t in_features() const { return packed_ ? packed_->in_features : 0; }
  int64_t out_features() const { return packed_ ? packed_->out_features : 0; }
  size_t bytes() const { return packed_ ? packed_->bytes : 0; }

 private:
  ops::PackedLinearPtr packed_;
};

// Keys: weight [out,in,k,k], bias [out].
class Conv2d {
 public:
  Conv2d() = default;
  explicit Conv2d(const Weights& w, const ops::ConvShape& shape = {});
  // Multiplies in `compute` instead of the scope's type.
  Conv2d(const Weights& w, const ops::ConvShape& shape, DType compute);

  Tensor operator()(const Tensor& x, const ops::ConvArgs& args = {}) const { return ops::conv2d(x, *packed_, args); }
  explicit operator bool() const { return packed_ != nullptr; }
  int64_t in_channels() const { return packed_ ? packed_->in_channels : 0; }
  int64_t out_channels() const { return packed_ ? packed_->out_channels : 0; }
  int64_t kernel() const { return packed_ ? packed_->kernel : 0; }
  size_t bytes() const { return packed_ ? packed_->bytes : 0; }

 private:
  ops::PackedConvPtr packed_;
};

// Keys: weight [C], bias [C].
class GroupNorm {
 public:
  GroupNorm() = default;
  explicit GroupNorm(const Weights& w, float eps = 1e-5f, int64_t groups = 32);

  // The result has the type `out`, by default that of x.
  Tensor operator()(const Tensor& x, ops::Activation activation = ops::Activation::kNone,
                    std::optional<DType> out = {}) const {
    return ops::group_norm(x, weight_, bias_, groups_, eps_, activation, out);
  }
  explicit operator bool() const { return weight_.defined(); }
  int64_t width() const {
    return weight_.defined() && bias_.defined() && bias_.numel() == weight_.numel() ? weight_.numel() : 0;
  }

 private:
  Tensor weight_, bias_;
  float eps_ = 0;
  int64_t groups_ = 0;
};

// Keys: weight [C], bias [C].
class LayerNorm {
 public:
  LayerNorm() = default;
  explicit LayerNorm(const Weights& w, float eps = 1e-5f);

  // The result has the type `out`, by default that of x.
  Tensor operator()(const Tensor& x, std::optional<DType> out = {}) const {
    return ops::layer_norm(x, weight_, bias_, eps_, out);
  }
  explicit operator bool() const { return weight_.defined(); }
  // 0 if the weight and the bias do not match.
  int64_t width() const {
    return weight_.defined() && bias_.defined() && bias_.numel() == weight_.numel() ? weight_.numel() : 0;
  }

 private:
  Tensor weight_, bias_;
  float eps_ = 0;
};

}  // namespace easel::nn
