// The only door to oneDNN: matrix products and convolutions with packed weights, primitives cached by
// shape, type and post-ops. Everything that differs between oneDNN 2.x and 3.x stays behind it.
#pragma once

#include "ops/conv2d.h"
#include "ops/linear.h"
#include "tensor/tensor.h"

namespace easel::ops::cpu {

PackedLinearPtr dnnl_pack_linear(const Tensor& weight, const Tensor& bias, DType compute, bool geglu);

// x seen as `rows` rows of in_features, `row_stride` elements apart; out [rows, out_features] dense.
// Writes scale * act(x W^T + b) + residual; residual may be null, otherwise like out, which is
// of type out_type.
void dnnl_linear(const void* x, int64_t rows, int64_t row_stride, const PackedLinear& w, void* out,
                 Activation activation, float scale, const void* residual, DType out_type);

PackedConvPtr dnnl_pack_conv2d(const Tensor& weight, const Tensor& bias, const ConvShape& shape, DType compute);

// x and out dense [N,H,W,C]; residual like out or null; channel_bias f32 [N,out] or null.
void dnnl_conv2d(const void* x, int64_t n, int64_t h, int64_t width, const PackedConv& w, void* out,
                 Activation activation, const void* residual, const float* channel_bias, DType out_type);

}  // namespace easel::ops::cpu
