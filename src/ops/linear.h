// Matrix product with packed weights.
#pragma once

#include <memory>
#include <span>

#include "ops/packer.h"
#include "tensor/stored_tensor.h"
#include "tensor/tensor.h"

namespace easel::ops {

// kGelu: the exact form with erf; kLeakyRelu: slope 0.2 below zero.
enum class Activation { kNone, kSilu, kGelu, kQuickGelu, kRelu, kLeakyRelu };

// The type of a layer's input and output for a compute type: bf16 around 8-bit products.
constexpr DType value_type(DType compute) { return compute == DType::kI8 ? DType::kBF16 : compute; }

// Weights of one linear layer in the layout the backend multiplies fastest. Immutable, shareable.
class PackedLinear {
 public:
  virtual ~PackedLinear() = default;
  int64_t in_features = 0;
  int64_t out_features = 0;     // rows of the weight; with `geglu` the output has half as many
  DType compute = DType::kF32;  // of x and the result
  bool geglu = false;
  size_t bytes = 0;  // memory held
  Device device;     // the only one that can compute with it
};
using PackedLinearPtr = std::shared_ptr<const PackedLinear>;

// weight [out, in], bias [out] or undefined, on the host; any float encoding, any strides. Both are read once, and
// their pages are given back to the system if they lie in a mapped file.
// compute: kF32, kBF16, or kI8. With kI8, x and the result are bf16 and the product is one of 8-bit integers: the
// weights of each output are quantised when they are packed, each row of x from its lowest to its highest value when it
// is multiplied, and sums are exact. docs/performance.md has its error and speed.
// geglu: the rows are [value; gate], and the result is value * gelu(gate).
// Throws Error(kInternal) for shapes that do not fit.
PackedLinearPtr pack_linear(const StoredTensor& weight, const StoredTensor& bias, DType compute, bool geglu = false,
                            const Packer& packer = Packer::pack());
// The same for several layers with a common input (q, k and v), as one product with their outputs side by side: at
// least one weight [out_i, in], and a bias with as many values as all of them have rows, or undefined.
PackedLinearPtr pack_linear(std::span<const StoredTensor> weights, const StoredTensor& bias, DType compute,
                            bool geglu = false, const Packer& packer = Packer::pack());

struct LinearArgs {
  Activation activation = Activation::kNone;
  // Added after the activation; same shape and type as the output. May be undefined.
  Tensor residual = {};
  // With defined residual: output = scale * act(x W^T + b) + residual. Usually 1.
  float scale = 1.0f;
  // The result and the residual, if any, are f32 even if the product is computed in bf16: for sums that many layers
  // add to.
  bool f32_out = false;
};

// x [..., in] in w.compute, as dense rows at one constant stride -> [..., out], contiguous, in w.compute, or in f32
// with f32_out. Accumulates in f32.
Tensor linear(const Tensor& x, const PackedLinear& w, const LinearArgs& args = {});

}  // namespace easel::ops
