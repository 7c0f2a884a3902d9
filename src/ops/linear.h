// Matrix product with packed weights.
#pragma once

#include <memory>
#include <span>

#include "ops/packer.h"
#include "tensor/stored_tensor.h"
#include "tensor/tensor.h"

namespace easel::ops {

// kGelu: the exact one, with erf; kLeakyRelu: 0.2 x below zero.
enum class Activation { kNone, kSilu, kGelu, kQuickGelu, kRelu, kLeakyRelu };

// The type of the values that layers which multiply in `compute` take and give: bf16 around products of bytes.
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
  Device device;     // whose backend packed it, and alone can compute with it
};
using PackedLinearPtr = std::shared_ptr<const PackedLinear>;

// weight [out, in], bias [out] or undefined, on the host; any float encoding, any strides. Both are read once, and
// their pages given back to the system if they lie in a mapped file. compute: kF32, kBF16, or kI8: x and the result are
// bf16 then, and the product is one of 8-bit integers: each row of x is brought to a byte from its lowest to its
// highest value when it is multiplied, each output's weights when they are packed, and sums are exact. Error and speed:
// docs/performance.md. geglu: rows are [value; gate] and the product gives value * gelu(gate). Throws Error(kInternal)
// for shapes that do not fit.
PackedLinearPtr pack_linear(const StoredTensor& weight, const StoredTensor& bias, DType compute, bool geglu = false,
                            const Packer& packer = Packer::pack());
// The same for layers with one input as one product, their outputs side by side (q, k and v): weights of
// [out_i, in], at least one, and a bias of as many values as they have rows together, or undefined.
PackedLinearPtr pack_linear(std::span<const StoredTensor> weights, const StoredTensor& bias, DType compute,
                            bool geglu = false, const Packer& packer = Packer::pack());

struct LinearArgs {
  Activation activation = Activation::kNone;
  // Added after the activation; same shape and type as the output. May be undefined.
  Tensor residual = {};
  // With defined residual: output = scale * act(x W^T + b) + residual. Usually 1.
  float scale = 1.0f;
  // The result, and the residual if there is one, are f32 even where the product is computed in bf16: for
  // sums that many layers add to.
  bool f32_out = false;
};

// x [..., in] in w.compute, rows contiguous (leading dimensions may be strided as long as x can be
// seen as rows at one constant stride) -> [..., out] contiguous in w.compute, or f32 with
// f32_out. f32 accumulation.
Tensor linear(const Tensor& x, const PackedLinear& w, const LinearArgs& args = {});

}  // namespace easel::ops
