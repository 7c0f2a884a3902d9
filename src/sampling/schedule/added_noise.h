// What models have in common that only add noise to the picture, and do not fade it.
#pragma once

#include "sampling/schedule/model_sampling.h"

namespace easel::sampling {

// x = picture + sigma * noise, at any level.
class AddedNoise : public ModelSampling {
 public:
  float signal(float) const final { return 1.0f; }
  bool fades() const final { return false; }
  Tensor add_noise(const Tensor& latent, const Tensor& noise, float sigma, bool from_pure_noise) const final;
  Tensor unscaled(const Tensor& x, float) const final { return x; }
  // Above every noise level of every model at 0, so that a run that starts there includes all of them; zero at 1.
  double percent_to_sigma(double percent) const final;

 protected:
  // The level at a fraction between 0 and 1, both excluded.
  virtual double sigma_within(double percent) const = 0;
};

}  // namespace easel::sampling
