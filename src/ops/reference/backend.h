// Every operation computed by its definition in f64, to compare the fast backends with. Results are rounded once, to
// the type they are stored in; 8-bit products are computed without quantisation.
#pragma once

#include "ops/backend.h"

namespace easel::ops::reference {

class ReferenceBackend final : public Backend {
 public:
  ReferenceBackend();
  DeviceMemory& memory() const override;

  // products.cc
  PackedLinearPtr pack_linear(std::span<const StoredTensor> weights, const StoredTensor& bias, DType compute,
                              bool geglu, const Packer& packer) const override;
  PackedConvPtr pack_conv2d(const StoredTensor& weight, const StoredTensor& bias, const ConvShape& shape, DType compute,
                            const Packer& packer) const override;
  void linear(const Tensor& x, const PackedLinear& w, const LinearArgs& args, Tensor& out) const override;
  void conv2d(const Tensor& x, const PackedConv& w, const ConvArgs& args, Tensor& out) const override;

  // attention.cc
  void attention(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, const AttentionArgs& args,
                 Tensor& out) const override;
  void attention_received(const Tensor& q, const Tensor& k, int64_t heads, float scale, Tensor& out) const override;

  // norm.cc
  void group_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t groups, float eps,
                  Activation activation, Tensor& out) const override;
  void layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps, Tensor& out) const override;

  // elementwise.cc
  void activate(const Tensor& x, Activation activation, Tensor& out) const override;
  void affine(const Tensor& x, float scale, float shift, Tensor& out) const override;
  void add(const Tensor& a, const Tensor& b, float scale, Tensor& out) const override;
  void mul(const Tensor& a, const Tensor& b, Tensor& out) const override;
  void lerp(const Tensor& a, const Tensor& b, float t, Tensor& out) const override;

  void evaluate(const Formula& formula, std::span<const Tensor> inputs, Tensor& out) const override;
  void reduce(const Tensor& x, Reduction how, Tensor& out) const override;

  // maps.cc
  void resample(const Tensor& x, const Taps& rows, const Taps& columns, Tensor& out) const override;
  void scale_low_frequencies(const Tensor& x, float by, Tensor& out) const override;

  // movement.cc
  void concat(std::span<const Tensor> parts, int dim, Tensor& out) const override;
  void repeat(const Tensor& x, int64_t times, Tensor& out) const override;
  void upsample_nearest2x(const Tensor& x, Tensor& out) const override;
  void avg_pool2x(const Tensor& x, Tensor& out) const override;
  void pixel_unshuffle(const Tensor& x, int64_t r, Tensor& out) const override;
  void pixel_shuffle(const Tensor& x, int64_t r, Tensor& out) const override;
  void embedding(const StoredTensor& table, std::span<const int32_t> ids, Tensor& out) const override;
  void timestep_embedding(std::span<const float> t, float max_period, Tensor& out) const override;
};

}  // namespace easel::ops::reference
