// A diffusion model as guidance and samplers see it: a function of a batch.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "models/conditioning.h"
#include "tensor/tensor.h"

namespace easel::models {

// The inputs of a network beside the latent; undefined where it takes none.
struct NetworkInputs {
  Tensor context;  // [n,T,C]
  Tensor y;        // [n,A]
  Tensor concat;   // [n,h,w,c], further channels of the latent
};

// One evaluation of the network: the chunks of a batch, all with the same size and control.
struct NetworkBatch {
  Tensor x;  // [chunks*N,h,w,C] at the noise level `sigma`
  float sigma = 0;
  NetworkInputs inputs;      // as many rows as x
  std::vector<int> members;  // the conditioning entry of each chunk; identifies the context in caches
  int64_t evaluation = 0;    // which evaluation of the lists it is part of, counted in a run
  ControlLinkPtr control;
  std::vector<int> cond_or_uncond;      // per chunk: 0 conditional, 1 unconditional
  std::vector<AttentionHookPtr> hooks;  // in addition to the model's
};

// The predicted picture for each row of batch.x.
using Network = std::function<Tensor(const NetworkBatch& batch)>;

// The first n rows; if there are fewer, they are repeated in order.
Tensor repeat_to_batch(const Tensor& t, int64_t n);

}  // namespace easel::models
