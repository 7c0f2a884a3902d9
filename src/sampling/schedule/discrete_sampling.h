// Models that were trained on a fixed number of noise levels, with noise added to the picture.
#pragma once

#include "sampling/schedule/added_noise.h"

namespace easel::sampling {

// The betas that define the levels: the variance of the noise added at each timestep, from `first` to `last`, linear
// in its square root (Rombach et al. 2022). timesteps >= 50; 0 < first <= last < 1.
struct RootLinearBetas {
  int timesteps = 0;
  double first = 0, last = 0;
};

// Discrete timesteps. The noise level sigma of a timestep is its ratio of noise to signal; samplers work on
// x = picture + sigma * noise, and the network takes x scaled to unit variance (Karras et al. 2022).
class DiscreteSampling final : public AddedNoise {
 public:
  // `prediction` is not kFlow. `zero_terminal_snr`: the last level is practically pure noise (Lin et al. 2023).
  DiscreteSampling(const RootLinearBetas& betas, Prediction prediction, bool zero_terminal_snr = false);

  Prediction prediction() const override { return prediction_; }
  // The timestep, 0..timesteps - 1, whose noise level is nearest on a logarithmic scale.
  float timestep(float sigma) const override;
  // Fractional timesteps are interpolated on a logarithmic scale, and clamped to the range of timesteps.
  float sigma(float timestep) const override;
  Tensor network_input(const Tensor& x, float sigma) const override;
  Tensor denoised(const Tensor& output, const Tensor& x, float sigma) const override;
  ModelSamplingPtr with_prediction(Prediction prediction, bool zero_terminal_snr) const override;

  // The same betas for a network that predicts noise and was distilled to 50 of the timesteps, as for consistency.
  std::shared_ptr<const DiscreteSampling> distilled() const override;
  // The share of the picture in the variance of x at a timestep, 0..timesteps - 1: the product of 1 - beta up to it.
  float alpha_product(int timestep) const;

 private:
  void keep_distilled_levels();
  double sigma_within(double percent) const override;

  RootLinearBetas betas_;
  Prediction prediction_;
  // Timesteps from one entry of `sigmas_` to the next; the last entry is the last timestep. Above 1 for latent
  // consistency models, which use 50 of the timesteps.
  int stride_ = 1;
  std::vector<float> log_sigmas_;
};

}  // namespace easel::sampling
