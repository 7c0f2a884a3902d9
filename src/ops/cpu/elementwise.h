// Pointwise arithmetic on the CPU, under the contracts of ops/backend.h.
#pragma once

#include "ops/linear.h"
#include "tensor/tensor.h"

namespace easel::ops::cpu {

void activate(const Tensor& x, Activation activation, Tensor& out);
void affine(const Tensor& x, float scale, float shift, Tensor& out);
void add(const Tensor& a, const Tensor& b, float scale, Tensor& out);
void mul(const Tensor& a, const Tensor& b, Tensor& out);
void lerp(const Tensor& a, const Tensor& b, float t, Tensor& out);

}  // namespace easel::ops::cpu
