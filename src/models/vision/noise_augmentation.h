// unCLIP's noise augmentation: from image embeds to the vector that steers an unCLIP model or SDXL (Revision).
#pragma once

#include <span>
#include <vector>

#include "sampling/random/torch_random.h"
#include "tensor/tensor.h"

namespace easel::models {

// One conditioning link: the embeds of one or more images.
struct UnclipSource {
  Tensor image_embeds;  // [N,dim] f32; every row counts as an image of its own
  double strength = 1.0;
  double noise_augmentation = 0.0;  // 0..1: how far the embeds are pushed towards noise
};

// unCLIP's noise augmentation: q_sample with the squared-cosine schedule of Nichol & Dhariwal 2021 (eq. 17, beta at
// most 0.999) over 1000 levels, followed by sinusoids of the level. Mean 0 and deviation 1 are used, not the statistics
// that a file may have.
class NoiseAugmentation {
 public:
  // dim: width of the embeds and of the level's sinusoids: half an unCLIP model's adm width; for SDXL the width of
  // the pooled text.
  explicit NoiseAugmentation(int64_t dim);

  static constexpr double kUnclipMerge = 0.05;   // the level at which unCLIP models merge several images
  static constexpr double kRevisionMerge = 0.0;  // the same for SDXL

  int64_t dim() const { return dim_; }

  // All images as one vector [1, 2*dim]: augmented embeds, then the level's sinusoids. Each image is augmented with
  // the noise of `seed` and scaled by its strength; several are summed and augmented once more at level `merge` (0..1)
  // with the next noise of the generator. `random` is left where the draws ended. The reference passes the sampling
  // seed - 10.
  // Throws Error(kMismatch) naming both widths, Error(kInvalid) for an empty list.
  Tensor merge(std::span<const UnclipSource> images, double merge, uint64_t seed,
               sampling::TorchGenerator& random) const;

 private:
  Tensor augment(const Tensor& x, double amount, const Tensor& noise) const;

  int64_t dim_;
  std::vector<float> sqrt_alphas_, sqrt_one_minus_alphas_;
};

}  // namespace easel::models
