#include "nodes/extensions/inspire_noise.h"

#include <cmath>
#include <vector>

#include "nodes/extensions/arc.h"
#include "ops/elementwise.h"
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

// Both of one picture.
Tensor mixed(const Tensor& noise, const Tensor& variation, double strength, bool along_arc) {
  if (along_arc) return weighted_sum(noise, variation, arc_weights(angle_between(noise, variation), strength));
  const double length = std::sqrt((1 - strength) * (1 - strength) + strength * strength);
  return weighted_sum(noise, variation,
                      {static_cast<float>((1 - strength) / length), static_cast<float>(strength / length)});
}

// Draw by draw, each of one picture.
Tensor of_card(const Latent& latent, uint64_t seed) {
  const Shape& shape = latent.samples.shape();
  std::vector<Tensor> drawn;
  for (int64_t i = 0; i < shape[0]; ++i) {
    const auto before = static_cast<uint32_t>(latent.batch_index[static_cast<size_t>(i)]);
    drawn.push_back(sampling::philox_randn(seed, Shape{1, shape[1], shape[2], shape[3]}, before));
  }
  return ops::concat(drawn, 0);
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
  const Tensor together = how.batch == Batch::kTogether ? drawn(rng, how.card, how.seed, shape) : Tensor();
  std::vector<Tensor> pictures;
  for (int64_t i = 0; i < shape[0]; ++i) {
    const uint64_t seed = how.seed + (how.batch == Batch::kOneByOne ? static_cast<uint64_t>(i) : 0);
    Tensor picture = together.defined() ? together.slice(0, i, 1) : drawn(rng, how.card, seed, one);
    const double growth = how.batch == Batch::kGrowing ? how.growth * static_cast<double>(i) : 0.0;
    if (variation.defined()) picture = mixed(picture, variation, how.variation_strength + growth, how.slerp);
    pictures.push_back(std::move(picture));
  }
  return {ops::concat(pictures, 0), rng};
}

}  // namespace easel::nodes
