#include "nodes/extensions/inspire_noise.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "sampling/random/philox.h"
#include "sampling/random/torch_random.h"

namespace easel::nodes {
namespace {

using sampling::TorchGenerator;

Tensor drawn(TorchGenerator& rng, bool card, uint64_t seed, const Shape& shape) {
  if (card) return sampling::philox_randn(seed, shape);
  rng.manual_seed(seed);
  return rng.randn(shape);
}

// Of one picture.
void mix(float* noise, const float* variation, int64_t count, double strength, bool slerp) {
  double a = 1 - strength, b = strength;
  if (slerp) {
    double dot = 0, first = 0, second = 0;
    for (int64_t i = 0; i < count; ++i) {
      dot += double{noise[i]} * variation[i];
      first += double{noise[i]} * noise[i];
      second += double{variation[i]} * variation[i];
    }
    const double angle = std::acos(std::clamp(dot / std::sqrt(first * second), -1.0, 1.0));
    a = std::sin((1 - strength) * angle) / std::sin(angle);
    b = std::sin(strength * angle) / std::sin(angle);
  } else {
    const double length = std::sqrt(a * a + b * b);
    a /= length;
    b /= length;
  }
  for (int64_t i = 0; i < count; ++i) noise[i] = static_cast<float>(a * noise[i] + b * variation[i]);
}

// Draw by draw, each of one picture.
Tensor of_card(const Latent& latent, uint64_t seed) {
  const Shape& shape = latent.samples.shape();
  Tensor out(shape);
  const int64_t count = out.numel() / shape[0];
  for (int64_t i = 0; i < shape[0]; ++i) {
    const auto before = static_cast<uint32_t>(latent.batch_index[static_cast<size_t>(i)]);
    const Tensor made = sampling::philox_randn(seed, Shape{1, shape[1], shape[2], shape[3]}, before);
    std::copy_n(made.f32(), count, out.f32() + i * count);
  }
  return out;
}

}  // namespace

guidance::GivenNoise inspire_noise(const Latent& latent, const InspireNoise& how) {
  using Batch = InspireNoise::Batch;
  const Shape& shape = latent.samples.shape();
  const Shape one{1, shape[1], shape[2], shape[3]};
  TorchGenerator rng(how.seed);
  Tensor variation;
  if (how.variation_strength > 0 || how.batch == Batch::kGrowing)
    variation = drawn(rng, how.card, how.variation_seed, one);
  rng.manual_seed(how.seed);
  if (!latent.batch_index.empty()) {
    if (how.card) return {of_card(latent, how.seed), rng};
    Tensor noise = sampling::prepare_noise(rng, shape, how.seed, latent.batch_index);
    return {std::move(noise), rng};
  }
  Tensor noise(shape);
  const int64_t count = one.numel();
  if (how.batch == Batch::kTogether) noise = drawn(rng, how.card, how.seed, shape);
  for (int64_t i = 0; i < shape[0]; ++i) {
    float* picture = noise.f32() + i * count;
    if (how.batch != Batch::kTogether) {
      const uint64_t seed = how.seed + (how.batch == Batch::kOneByOne ? static_cast<uint64_t>(i) : 0);
      const Tensor made = drawn(rng, how.card, seed, one);
      std::copy_n(made.f32(), count, picture);
    }
    const double growth = how.batch == Batch::kGrowing ? how.growth * static_cast<double>(i) : 0.0;
    if (variation.defined()) mix(picture, variation.f32(), count, how.variation_strength + growth, how.slerp);
  }
  return {std::move(noise), rng};
}

}  // namespace easel::nodes
