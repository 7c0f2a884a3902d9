#include "models/vision/noise_augmentation.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "ops/arithmetic/formula.h"
#include "ops/elementwise.h"

namespace easel::models {
namespace {

constexpr int kLevels = 1000;

double alpha_bar(double t) {
  const double c = std::cos((t + 0.008) / 1.008 * std::numbers::pi / 2);
  return c * c;
}

Tensor draw(sampling::TorchGenerator& random, int64_t dim) {
  std::vector<float> noise(static_cast<size_t>(dim));
  random.randn(noise);
  return Tensor::of({1, dim}, noise);
}

}  // namespace

NoiseAugmentation::NoiseAugmentation(int64_t dim) : dim_(dim) {
  double product = 1.0;
  for (int i = 0; i < kLevels; ++i) {
    const double ratio = alpha_bar((i + 1.0) / kLevels) / alpha_bar(static_cast<double>(i) / kLevels);
    product *= 1.0 - std::min(1.0 - ratio, 0.999);
    sqrt_alphas_.push_back(static_cast<float>(std::sqrt(product)));
    sqrt_one_minus_alphas_.push_back(static_cast<float>(std::sqrt(1.0 - product)));
  }
}

// x and noise [1,dim] -> [1, 2*dim].
Tensor NoiseAugmentation::augment(const Tensor& x, double amount, const Tensor& noise) const {
  // The level of an amount in 0..1 (larger ones are clamped), rounded as Python's round() does: ties to even.
  const double level = std::clamp(std::nearbyint((kLevels - 1) * amount), 0.0, kLevels - 1.0);
  const auto i = static_cast<size_t>(level);
  const float keep = sqrt_alphas_[i], add = sqrt_one_minus_alphas_[i];
  const Tensor mixed = ops::map([=](auto v, auto z) { return keep * v + add * z; }, x, noise);
  const float t = static_cast<float>(level);
  return ops::concat({mixed, ops::timestep_embedding(std::span(&t, 1), dim_)}, 1);
}

Tensor NoiseAugmentation::merge(std::span<const UnclipSource> images, double merge, uint64_t seed,
                                sampling::TorchGenerator& random) const {
  Tensor sum;
  int count = 0;
  for (const UnclipSource& image : images) {
    const Tensor embeds = contiguous(convert(image.image_embeds, DType::kF32));
    if (embeds.rank() != 2 || embeds.dim(1) != dim_)
      throw Error(Fault::kMismatch, "image embeds of width " + std::to_string(embeds.dim(-1)) +
                                        " do not fit this model, which takes " + std::to_string(dim_))
          .fix("Encode the image with the CLIP vision model that belongs to the checkpoint (for SDXL: ViT-bigG)");
    for (int64_t row = 0; row < embeds.dim(0); ++row, ++count) {
      random.manual_seed(seed);
      const Tensor noise = draw(random, dim_);
      const Tensor one = ops::affine(augment(embeds.slice(0, row, 1), image.noise_augmentation, noise),
                                     static_cast<float>(image.strength));
      sum = count == 0 ? one : ops::add(sum, one);
    }
  }
  if (count == 0) throw Error(Fault::kInvalid, "no image to take as inspiration");
  if (count == 1) return sum;
  return augment(contiguous(sum.slice(1, 0, dim_)), merge, draw(random, dim_));
}

}  // namespace easel::models
