// LATENT_OPERATION: what nodes do to a latent, or to the guidance of each step.
#pragma once

#include <cstdint>
#include <memory>

#include "tensor/tensor.h"

namespace easel::guidance {

// Immutable.
class LatentOperation {
 public:
  virtual ~LatentOperation() = default;
  // latent [N,h,w,C] f32 -> the same shape. Throws Error(kInvalid) for one that it cannot be done to.
  virtual Tensor operator()(const Tensor& latent) const = 0;
};
using LatentOperationPtr = std::shared_ptr<const LatentOperation>;

// Shortens each pixel's vector of channels, the more the longer it is, towards `multiplier` times what is five standard
// deviations above a sample's mean length (Reinhard et al. 2002, "Photographic Tone Reproduction for Digital Images",
// eq. 3). A multiplier of 0 leaves zeros.
LatentOperationPtr tonemap_reinhard(double multiplier);

// Sharpens the directions of the pixels' vectors, whose lengths stay: direction + 10 alpha (direction - blurred), with
// a Gaussian of (2 radius + 1)^2 pixels whose sigma counts in radii, and mirrored borders. Latents with a side of
// `radius` or less are refused.
LatentOperationPtr sharpen_latent(int64_t radius, double sigma, double alpha);

}  // namespace easel::guidance
