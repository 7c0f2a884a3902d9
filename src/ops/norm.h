// Normalisations. Statistics in f32, parameters in f32, values in the type of x,
// results in that of x or in `out` (f32 or bf16).
#pragma once

#include <optional>

#include "ops/linear.h"
#include "tensor/tensor.h"

namespace easel::ops {

// x [N,...,C] channels last (f32 or bf16, contiguous), groups divide C, weight and bias f32 [C].
// Each (sample, group) is brought to mean 0 and variance 1 over all positions, then scaled, shifted and
// passed through `activation` (kNone or kSilu). Wu & He 2018.
Tensor group_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t groups, float eps,
                  Activation activation = Activation::kNone, std::optional<DType> out = {});

// Over the last dimension of x [...,C]; weight and bias f32 [C], either may be undefined. Ba et al. 2016.
Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps, std::optional<DType> out = {});

}  // namespace easel::ops
