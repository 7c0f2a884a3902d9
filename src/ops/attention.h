// Scaled dot-product attention.
#pragma once

#include "tensor/tensor.h"

namespace easel::ops {

struct AttentionArgs {
  float scale = 0.0f;   // 0 means 1 / sqrt(head width)
  bool causal = false;  // query i sees keys 0..i
  // Added to the scores before the softmax: f32, [Tq,Tk], [N,Tq,Tk] or [N*heads,Tq,Tk]; may be undefined.
  Tensor bias = {};
};

// softmax(q k^T * scale + bias) v for each head, with softmax and accumulation in f32. The Tq x Tk score matrix is
// never stored. q [N,Tq,heads*D], k and v [N,Tk,heads*D]: one type (f32 or bf16), a dense innermost dimension, any
// other strides, so that slices of one fused q/k/v product can be passed. k and v may have N = 1 and are then shared by
// all samples. Returns [N,Tq,heads*D], contiguous, of the same type. Source: Vaswani et al. 2017, eq. 1; blocking after
// Milakov & Gimelshein 2018 (online softmax).
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, const AttentionArgs& args = {});

// How much attention each key gets from all queries together: the sum of its softmax weights over the queries, as the
// mean over the heads. q and k as above, k with as many samples as q; scale 1 / sqrt(head width). -> f32 [N,Tk].
Tensor attention_received(const Tensor& q, const Tensor& k, int64_t heads);

}  // namespace easel::ops
