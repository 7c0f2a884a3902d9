// Attention on the CPU, behind the contract of ops/attention.h.
#pragma once

#include "tensor/tensor.h"

namespace easel::ops::cpu {

struct AttentionCall {
  Tensor q, k, v, out;  // [N,T,heads*width]; out dense
  int64_t heads, width;
  float scale;
  bool causal;
  const float* bias;  // [..,Tq,Tk] with these strides between heads and samples, or null
  int64_t bias_head, bias_sample;
};

// bf16 needs an even width.
void attention(const AttentionCall& call);

}  // namespace easel::ops::cpu
