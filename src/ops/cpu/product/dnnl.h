// The only door to oneDNN. Used for bf16 on processors with matrix registers (AMX), which our own kernels do
// not use, and as the second opinion on what a machine can do at best.
#pragma once

#include <functional>

#include "ops/conv2d.h"
#include "ops/linear.h"

namespace easel::ops::cpu {

// As make_panel_linear() and make_panel_conv() in ops/cpu/product.h.
PackedLinearPtr make_dnnl_linear(std::span<const StoredTensor> weights, const StoredTensor& bias, DType compute,
                                 bool geglu, const Packer& packer);
PackedConvPtr make_dnnl_conv(const StoredTensor& weight, const StoredTensor& bias, const ConvShape& shape,
                             DType compute, const Packer& packer);

// A product of [rows, depth] by [depth, outputs], of unsigned and signed bytes for kI8, to be called again and again.
std::function<void()> make_dnnl_product(DType type, int64_t rows, int64_t depth, int64_t outputs);

}  // namespace easel::ops::cpu
