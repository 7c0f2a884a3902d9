// Models that were trained on noise of any level between two.
#pragma once

#include "sampling/schedule/added_noise.h"

namespace easel::sampling {

// Continuous noise levels, x = picture + sigma * noise. The network is shown x divided by
// sqrt(sigma^2 + deviation^2). Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based Generative Models",
// section 5.
class EdmSampling final : public AddedNoise {
 public:
  enum class Says { kVelocity, kEdm };  // the sign of the network's output: v's, or that of the paper's F
  // What the network is told of a level: log(sigma) / 4, or the angle atan(sigma) in quarter turns (Salimans & Ho 2022,
  // "Progressive Distillation", appendix D).
  enum class Told { kLogarithm, kAngle };
  struct Options {
    double sigma_min = 0, sigma_max = 0;  // 0 < min < max <= 1e6
    double deviation = 1.0;               // of the data, > 0
    Says says = Says::kVelocity;
    Told told = Told::kLogarithm;
    int levels = 0;  // >= 2; how finely schedules that pick levels may pick
  };
  // Throws Error(kInternal) for values outside of these ranges.
  explicit EdmSampling(const Options& options);

  const Options& options() const { return options_; }
  Prediction prediction() const override { return Prediction::kV; }
  float timestep(float sigma) const override;
  float sigma(float timestep) const override;
  Tensor network_input(const Tensor& x, float sigma) const override;
  Tensor denoised(const Tensor& output, const Tensor& x, float sigma) const override;
  ModelSamplingPtr with_prediction(Prediction prediction, bool zero_terminal_snr) const override;

 private:
  double sigma_within(double percent) const override;

  Options options_;
};

}  // namespace easel::sampling
