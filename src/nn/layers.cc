#include "nn/layers.h"

#include <algorithm>

namespace easel::nn {

Linear::Linear(const Weights& w, bool geglu) {
  const Tensor weight = w.get("weight"), bias = w.optional("bias");
  if (weight.defined()) packed_ = ops::pack_linear(weight, bias, w.product(), geglu);
}

Linear::Linear(std::initializer_list<Weights> parts) {
  std::vector<Tensor> weights, biases;
  bool any_bias = false, complete = true;
  for (const Weights& w : parts) {
    Tensor weight = w.get("weight"), bias = w.optional("bias");
    complete = complete && weight.defined();
    any_bias = any_bias || bias.defined();
    if (!complete) continue;
    biases.push_back(bias.defined() ? convert(bias, DType::kF32) : Tensor::zeros({weight.dim(0)}));
    weights.push_back(std::move(weight));
  }
  if (complete)
    packed_ = ops::pack_linear(weights, any_bias ? ops::concat(biases, 0) : Tensor(), parts.begin()->product());
}

Linear::Linear(std::span<const Tensor> weights, const Tensor& bias, DType compute)
    : packed_(ops::pack_linear(weights, bias, compute)) {}

Linear::Linear(const Tensor& weight, const Tensor& bias, DType compute) {
  if (weight.defined()) packed_ = ops::pack_linear(weight, bias, compute);
}

Conv2d::Conv2d(const Weights& w, const ops::ConvShape& shape)
    : Conv2d(w.get("weight"), w.optional("bias"), shape, w.product()) {}

Conv2d::Conv2d(const Tensor& weight, const Tensor& bias, const ops::ConvShape& shape, DType compute) {
  if (weight.defined()) packed_ = ops::pack_conv2d(weight, bias, shape, compute);
}

GroupNorm::GroupNorm(const Weights& w, float eps, int64_t groups) : eps_(eps), groups_(groups) {
  const Tensor weight = w.get("weight"), bias = w.get("bias");
  if (weight.defined()) weight_ = clone(convert(weight, DType::kF32));
  if (bias.defined()) bias_ = clone(convert(bias, DType::kF32));
}

LayerNorm::LayerNorm(const Weights& w, float eps) : eps_(eps) {
  const Tensor weight = w.get("weight"), bias = w.get("bias");
  if (weight.defined()) weight_ = clone(convert(weight, DType::kF32));
  if (bias.defined()) bias_ = clone(convert(bias, DType::kF32));
}

}  // namespace easel::nn
