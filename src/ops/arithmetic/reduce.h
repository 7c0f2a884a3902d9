// One number from many: sums, means and extremes over dimensions; and the values themselves, for decisions.
#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace easel::ops {

enum class Reduction { kSum, kMean, kMin, kMax };

// Over dimensions first .. last (negative ones count from the end), which stay with size 1. x is f32 or bf16 and has
// elements; sums are made in f64. -> f32, contiguous.
Tensor reduce(const Tensor& x, Reduction how, int first, int last);

// The values in C order, wherever they are: for what decides how to go on. f32 or bf16.
std::vector<float> read(const Tensor& x);
// That of a tensor of one element.
float item(const Tensor& x);

}  // namespace easel::ops
