// Models that were trained by flow matching: on straight lines from noise to picture.
#pragma once

#include "sampling/schedule/model_sampling.h"

namespace easel::sampling {

// Flow matching (Lipman et al. 2023; Liu et al. 2023): x = (1 - sigma) * picture + sigma * noise, and the network
// predicts noise - picture. Time is continuous, from 0 to 1; sigma(t) = shift * t / (1 + (shift - 1) * t) spends more
// of it on high levels for a shift above 1 (Esser et al. 2024, section 5.3.2).
class FlowSampling final : public ModelSampling {
 public:
  struct Options {
    double shift = 1.0;       // > 0
    double time_scale = 1.0;  // > 0; the network is given sigma times this
    int levels = 0;           // >= 2; the number of levels that schedules can select from
  };
  // Throws Error(kInternal) for values outside these ranges.
  explicit FlowSampling(const Options& options);

  Prediction prediction() const override { return Prediction::kFlow; }
  float timestep(float sigma) const override;
  float sigma(float timestep) const override;
  double percent_to_sigma(double percent) const override;
  float signal(float sigma) const override { return 1.0f - sigma; }
  bool fades() const override { return true; }
  Tensor network_input(const Tensor& x, float) const override { return x; }
  Tensor denoised(const Tensor& output, const Tensor& x, float sigma) const override;
  Tensor add_noise(const Tensor& latent, const Tensor& noise, float sigma, bool from_pure_noise) const override;
  Tensor unscaled(const Tensor& x, float sigma) const override;
  ModelSamplingPtr with_prediction(Prediction prediction, bool zero_terminal_snr) const override;

 private:
  double shifted(double t) const;

  Options options_;
};

}  // namespace easel::sampling
