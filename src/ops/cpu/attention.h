// Attention on the CPU, under the contract of ops/backend.h.
#pragma once

#include "ops/attention.h"
#include "tensor/tensor.h"

namespace easel::ops::cpu {

void attention(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, const AttentionArgs& args,
               Tensor& out);

}  // namespace easel::ops::cpu
