// Changes of maps on the CPU, behind the contracts of ops/backend.h.
#pragma once

#include "ops/arithmetic/resample.h"
#include "tensor/tensor.h"

namespace easel::ops::cpu {

void resample(const Tensor& x, const Taps& rows, const Taps& columns, Tensor& out);
void scale_low_frequencies(const Tensor& x, float by, Tensor& out);
void attention_received(const Tensor& q, const Tensor& k, int64_t heads, float scale, Tensor& out);

}  // namespace easel::ops::cpu
