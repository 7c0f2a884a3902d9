// Normalisation. Statistics and parameters are f32; the result has the type `out` (f32 or bf16), by default that of x.
#pragma once

#include <optional>

#include "ops/linear.h"
#include "tensor/tensor.h"

namespace easel::ops {

// x [N,...,C] channels last (f32 or bf16, contiguous), groups divide C, weight and bias f32 [C].
// Each group of each sample is normalised to mean 0 and variance 1 over all positions, then scaled, shifted and passed
// through `activation` (kNone or kSilu). Wu & He 2018.
Tensor group_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t groups, float eps,
                  Activation activation = Activation::kNone, std::optional<DType> out = {});

// Over the last dimension of x [...,C]; weight and bias f32 [C], either may be undefined. Ba et al. 2016.
Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps, std::optional<DType> out = {});

}  // namespace easel::ops
