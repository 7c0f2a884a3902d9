// The perceiver resampler of IP-Adapter "plus": reduces many image states to a few tokens.
#pragma once

#include <vector>

#include "models/text/clip_encoder.h"
#include "nn/layers.h"

namespace easel::models {

// Learned latents attend to the image states and to themselves in every layer (Alayrac et al. 2022, "Flamingo",
// sec. 3.1). Keys: latents [1,tokens,dim], proj_in [dim,input], layers.N.0.{norm1, norm2, to_q, to_kv, to_out},
// layers.N.1.{0 (norm), 1, 3}, proj_out [output,dim], norm_out. Heads are 64 wide.
class Resampler {
 public:
  Resampler() = default;
  // Throws Error(kBadFile) for shapes that do not fit; missing tensors are left to Weights::require_all().
  explicit Resampler(const nn::Weights& w);

  // One image's states [1,T,input] of the compute type -> [1,tokens,output] f32.
  Tensor operator()(const Tensor& states) const;
  size_t bytes() const;

 private:
  struct Layer {
    nn::LayerNorm states_norm, latents_norm, hidden_norm;
    nn::Linear to_q, to_kv, to_out, fc1, fc2;
    int64_t heads = 0;
  };

  Tensor latents_;  // f32
  DType compute_ = DType::kF32;
  nn::Linear proj_in_, proj_out_;
  nn::LayerNorm norm_out_;
  std::vector<Layer> layers_;
};

}  // namespace easel::models
