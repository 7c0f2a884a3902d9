#include "sampling/schedule/added_noise.h"

#include <cmath>

#include "ops/arithmetic/formula.h"

namespace easel::sampling {

Tensor AddedNoise::add_noise(const Tensor& latent, const Tensor& noise, float sigma, bool from_pure_noise) const {
  const float scale = from_pure_noise ? std::sqrt(1 + sigma * sigma) : sigma;
  return ops::map([=](auto image, auto z) { return z * scale + image; }, latent, noise);
}

double AddedNoise::percent_to_sigma(double percent) const {
  constexpr double kAboveAll = 999999999.9;
  if (percent <= 0.0) return kAboveAll;
  if (percent >= 1.0) return 0.0;
  return sigma_within(percent);
}

}  // namespace easel::sampling
