#include "nn/layers.h"

#include <algorithm>

namespace easel::nn {

Linear::Linear(const Weights& w, bool geglu) {
  const StoredTensor weight = w.get("weight"), bias = w.optional("bias");
  if (weight.defined()) packed_ = ops::pack_linear(weight, bias, w.product(), geglu, w.packer());
}

Linear::Linear(const Weights& w, DType compute) : Linear(w.get("weight"), w.optional("bias"), compute, w.packer()) {}

Linear::Linear(std::initializer_list<Weights> parts) {
  std::vector<StoredTensor> weights;
  std::vector<Tensor> biases;
  bool any_bias = false, complete = true;
  for (const Weights& w : parts) {
    StoredTensor weight = w.get("weight"), bias = w.optional("bias");
    complete = complete && weight.defined();
    any_bias = any_bias || bias.defined();
    if (!complete) continue;
    biases.push_back(bias.defined() ? clone(bias.decoded()) : Tensor::zeros({weight.dim(0)}));
    if (bias.defined()) bias.drop_pages();
    weights.push_back(std::move(weight));
  }
  if (complete)
    packed_ = ops::pack_linear(weights, any_bias ? ops::concat(biases, 0) : Tensor(), parts.begin()->product(), false,
                               parts.begin()->packer());
}

Linear::Linear(std::span<const StoredTensor> weights, const StoredTensor& bias, DType compute,
               const ops::Packer& packer)
    : packed_(ops::pack_linear(weights, bias, compute, false, packer)) {}

Linear::Linear(const StoredTensor& weight, const StoredTensor& bias, DType compute, const ops::Packer& packer) {
  if (weight.defined()) packed_ = ops::pack_linear(weight, bias, compute, false, packer);
}

Conv2d::Conv2d(const Weights& w, const ops::ConvShape& shape) : Conv2d(w, shape, w.product()) {}

Conv2d::Conv2d(const Weights& w, const ops::ConvShape& shape, DType compute) {
  const StoredTensor weight = w.get("weight"), bias = w.optional("bias");
  if (weight.defined()) packed_ = ops::pack_conv2d(weight, bias, shape, compute, w.packer());
}

GroupNorm::GroupNorm(const Weights& w, float eps, int64_t groups)
    : weight_(w.values("weight")), bias_(w.values("bias")), eps_(eps), groups_(groups) {}

LayerNorm::LayerNorm(const Weights& w, float eps) : weight_(w.values("weight")), bias_(w.values("bias")), eps_(eps) {}

}  // namespace easel::nn
