// Formulas and sums over dimensions on the CPU, behind the contracts of ops/backend.h.
#pragma once

#include <span>

#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "tensor/tensor.h"

namespace easel::ops::cpu {

void evaluate(const Formula& formula, std::span<const Tensor> inputs, Tensor& out);
void reduce(const Tensor& x, Reduction how, Tensor& out);

}  // namespace easel::ops::cpu
