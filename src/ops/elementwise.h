// Pointwise arithmetic and data movement. Every output is fresh and contiguous; inputs may be strided.
#pragma once

#include <span>

#include "ops/linear.h"
#include "tensor/tensor.h"

namespace easel::ops {

Tensor activate(const Tensor& x, Activation activation);

// a + scale * b. Same type (f32 or bf16); b has the shape of a, or may be broadcast along dimensions
// where it has size 1 (ranks equal).
Tensor add(const Tensor& a, const Tensor& b, float scale = 1.0f);
// a * b, broadcast as in add().
Tensor mul(const Tensor& a, const Tensor& b);
// x * scale + shift.
Tensor affine(const Tensor& x, float scale, float shift = 0.0f);
// a + (b - a) * t, evaluated in f32 exactly as written; torch.lerp uses another expression for t >= 0.5.
Tensor lerp(const Tensor& a, const Tensor& b, float t);

// Joins along `dim` (negative counts from the end). All of one type, other dimensions equal.
Tensor concat(std::span<const Tensor> parts, int dim);
Tensor concat(std::initializer_list<Tensor> parts, int dim);
// Repeats the whole tensor `times` along dim 0: a b a b, as torch's repeat.
Tensor repeat(const Tensor& x, int64_t times);

// Nearest-neighbour enlargement by two of [N,H,W,C].
Tensor upsample_nearest2x(const Tensor& x);
// Mean over 2x2 windows of [N,H,W,C], stride 2; H and W are rounded down.
Tensor avg_pool2x(const Tensor& x);
// [N,H*r,W*r,C] -> [N,H,W,C*r*r], channel order as torch's pixel_unshuffle (c, then row, then column).
Tensor pixel_unshuffle(const Tensor& x, int64_t r);
// The inverse: [N,H,W,C*r*r] -> [N,H*r,W*r,C].
Tensor pixel_shuffle(const Tensor& x, int64_t r);

// Rows of table [V,C] (on the host, any float encoding; only these rows are read) for ids (each 0 <= id < V, checked)
// -> [ids.size(), C] in `dtype`.
Tensor embedding(const StoredTensor& table, std::span<const int32_t> ids, DType dtype, Device device = kHost);

// Sinusoids of the timesteps: [n] -> f32 [n, dim], cosines first, then sines, of t * max_period^(-i/(dim/2)); an odd
// width ends in a zero.
// Source: "Attention Is All You Need" sec. 3.5, in the arrangement of latent diffusion's timestep_embedding.
Tensor timestep_embedding(std::span<const float> t, int64_t dim, float max_period = 10000.0f, Device device = kHost);

}  // namespace easel::ops
