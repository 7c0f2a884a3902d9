// The CPU's linear layers and convolutions, under the contracts of ops/linear.h and ops/conv2d.h.
#pragma once

#include "ops/conv2d.h"
#include "ops/linear.h"

namespace easel::ops::cpu {

struct ProductArgs {
  const void* x;  // `rows` rows of in_features, row_stride elements apart
  int64_t rows, row_stride;
  void* out;  // dense rows
  Activation activation = Activation::kNone;
  float scale = 1.0f;
  DType type = DType::kF32;        // of out and residual
  const void* residual = nullptr;  // laid out like out, or null
};

class CpuLinear : public PackedLinear {
 public:
  virtual void run(const ProductArgs& args) const = 0;
};

struct ConvolutionArgs {
  Tensor x;    // [N,H,W,in] with dense channels, other strides arbitrary
  Tensor out;  // dense
  Activation activation = Activation::kNone;
  const void* residual = nullptr;       // laid out like out, or null
  const float* channel_bias = nullptr;  // [N,out] or null
  bool upsample2x = false;
};

class CpuConv : public PackedConv {
 public:
  virtual void run(const ConvolutionArgs& args) const = 0;
};

// Choose the algorithm and the compute type that suit the layer.
PackedLinearPtr make_linear(std::span<const StoredTensor> weights, const StoredTensor& bias, DType compute, bool geglu,
                            const Packer& packer);
PackedConvPtr make_conv(const StoredTensor& weight, const StoredTensor& bias, const ConvShape& shape, DType compute,
                        const Packer& packer);

// With the panel kernel, which exists at every instruction level.
PackedLinearPtr make_panel_linear(std::span<const StoredTensor> weights, const StoredTensor& bias, DType compute,
                                  bool geglu, const Packer& packer);
PackedConvPtr make_panel_conv(const StoredTensor& weight, const StoredTensor& bias, const ConvShape& shape,
                              DType compute, const Packer& packer);

// Winograd's F(2x2, 3x3), and whether it applies to a weight and shape.
bool winograd_fits(const StoredTensor& weight, const ConvShape& shape);
PackedConvPtr make_winograd_conv(const StoredTensor& weight, const StoredTensor& bias, const ConvShape& shape,
                                 DType compute, const Packer& packer);

// Products on all threads whose operands stay in registers, or in the first-level cache where the instructions take
// them from there: the operations done, a few milliseconds' worth.
uint64_t register_products(DType type);

}  // namespace easel::ops::cpu
