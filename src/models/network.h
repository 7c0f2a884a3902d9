// A diffusion model as the sampler sees it: a function of a batch.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "models/conditioning.h"
#include "tensor/tensor.h"

namespace easel::models {

// What a network takes beside the latent; undefined where it takes nothing.
struct NetworkInputs {
  Tensor context;  // [n,T,C]
  Tensor y;        // [n,A]
  Tensor concat;   // [n,h,w,c] more channels of the latent
};

// One evaluation of the network: the chunks of a batch, all with the same size and control.
struct NetworkBatch {
  Tensor x;  // [chunks*N,h,w,C] at the noise level `sigma`
  float sigma = 0;
  NetworkInputs inputs;      // of as many rows as x
  std::vector<int> members;  // which conditioning entry each chunk is of: names the context for caches
  ControlLinkPtr control;
  std::vector<int> cond_or_uncond;      // per chunk: 0 conditional, 1 unconditional
  std::vector<AttentionHookPtr> hooks;  // beside those of the model
};

// The picture without noise that the network sees in each row of batch.x.
using Network = std::function<Tensor(const NetworkBatch& batch)>;

// Rows repeated in order until there are n, or cut to n.
Tensor repeat_to_batch(const Tensor& t, int64_t n);

}  // namespace easel::models
