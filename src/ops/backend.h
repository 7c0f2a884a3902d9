// What computes on a device: one function for each operation of ops/*.h, whose comments say what it computes.
//
// The public functions check shapes and types, make the output, count, and call the backend of their tensors' device.
// So here inputs fit together, are of the backend's own device and not empty, strides are free unless said, and `out`
// is contiguous and uninitialised: every element of it is to be written. Thread-safe.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/arithmetic/resample.h"
#include "ops/attention.h"
#include "ops/conv2d.h"
#include "ops/devices.h"
#include "ops/linear.h"
#include "ops/norm.h"
#include "tensor/device_memory.h"
#include "tensor/tensor.h"

namespace easel::ops {

class Backend {
 public:
  virtual ~Backend() = default;

  // Allocation, copies from and to the host, and conversion between types and layouts.
  virtual DeviceMemory& memory() const = 0;

  // What products are fastest in without losing more than bf16 does: kBF16 where it is multiplied natively, else kF32.
  virtual DType native_type() const { return DType::kF32; }

  // Products. Weights and bias are on the host; the result is the backend's own class, has its device, and only ever
  // comes back to it. Where the packer has a store, it is asked first for what was packed before.
  virtual PackedLinearPtr pack_linear(std::span<const StoredTensor> weights, const StoredTensor& bias, DType compute,
                                      bool geglu, const Packer& packer) const = 0;
  virtual PackedConvPtr pack_conv2d(const StoredTensor& weight, const StoredTensor& bias, const ConvShape& shape,
                                    DType compute, const Packer& packer) const = 0;
  // See Packer. A backend whose layout has no name keeps nothing in a store.
  virtual std::string_view packed_layout() const { return {}; }
  virtual uint64_t packed_layout_fingerprint() const { return 0; }
  // x [rows, in], dense rows at one stride; out [..., out]; the residual, if there is one, is contiguous.
  virtual void linear(const Tensor& x, const PackedLinear& w, const LinearArgs& args, Tensor& out) const = 0;
  // The residual and the channel bias, where there are any, are contiguous.
  virtual void conv2d(const Tensor& x, const PackedConv& w, const ConvArgs& args, Tensor& out) const = 0;

  // Dense innermost dimensions. args.scale is never 0; args.bias, if there is one, is [N,heads,Tq,Tk] with dense rows
  // and 0 strides where samples or heads share it.
  virtual void attention(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, const AttentionArgs& args,
                         Tensor& out) const = 0;
  // Dense innermost dimensions, scale is never 0.
  virtual void attention_received(const Tensor& q, const Tensor& k, int64_t heads, float scale, Tensor& out) const = 0;

  // x is contiguous.
  virtual void group_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t groups, float eps,
                          Activation activation, Tensor& out) const = 0;
  virtual void layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps, Tensor& out) const = 0;

  // Pointwise. b has the shape of a, with 0 strides where it is broadcast.
  virtual void activate(const Tensor& x, Activation activation, Tensor& out) const = 0;
  virtual void affine(const Tensor& x, float scale, float shift, Tensor& out) const = 0;
  virtual void add(const Tensor& a, const Tensor& b, float scale, Tensor& out) const = 0;
  virtual void mul(const Tensor& a, const Tensor& b, Tensor& out) const = 0;
  virtual void lerp(const Tensor& a, const Tensor& b, float t, Tensor& out) const = 0;

  // Inputs have the shape of `out`, with 0 strides where they are repeated; those that the formula does not use are
  // undefined. `out` has any strides, and may be one of the inputs.
  virtual void evaluate(const Formula& formula, std::span<const Tensor> inputs, Tensor& out) const = 0;
  // x is contiguous, [outer, reduced, inner]; out holds outer * inner values.
  virtual void reduce(const Tensor& x, Reduction how, Tensor& out) const = 0;
  virtual void scale_low_frequencies(const Tensor& x, float by, Tensor& out) const = 0;

  // Movement. `dim` is not negative. Parts may be empty, of any type.
  virtual void concat(std::span<const Tensor> parts, int dim, Tensor& out) const = 0;
  virtual void repeat(const Tensor& x, int64_t times, Tensor& out) const = 0;
  virtual void upsample_nearest2x(const Tensor& x, Tensor& out) const = 0;
  virtual void avg_pool2x(const Tensor& x, Tensor& out) const = 0;
  virtual void pixel_unshuffle(const Tensor& x, int64_t r, Tensor& out) const = 0;
  virtual void pixel_shuffle(const Tensor& x, int64_t r, Tensor& out) const = 0;
  virtual void resample(const Tensor& x, const Taps& rows, const Taps& columns, Tensor& out) const = 0;
  // The table is on the host.
  virtual void embedding(const StoredTensor& table, std::span<const int32_t> ids, Tensor& out) const = 0;
  // Angles are rounded to f32, as torch computes them: models were trained with the values of those.
  virtual void timestep_embedding(std::span<const float> t, float max_period, Tensor& out) const = 0;

  // A product of [rows, depth] by [depth, outputs] by another library on the same device, to be called again and again
  // beside our own: for measure_product_limit(). Empty where there is none.
  virtual std::function<void()> rival_product(DType, int64_t, int64_t, int64_t) const { return {}; }
};

// The backend of a device. Throws Error(kUnsupported) where there is no such device, or its backend was not built.
const Backend& backend(Device device);

}  // namespace easel::ops
