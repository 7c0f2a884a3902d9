// Normalisations on the CPU, under the contracts of ops/backend.h.
#pragma once

#include "tensor/tensor.h"

namespace easel::ops::cpu {

// x and out dense [N,...,C]; weight and bias [C].
void group_norm(const Tensor& x, const float* weight, const float* bias, int64_t groups, float eps, bool silu,
                Tensor& out);

// x and out dense; weight and bias [C] or null.
void layer_norm(const Tensor& x, const float* weight, const float* bias, float eps, Tensor& out);

}  // namespace easel::ops::cpu
