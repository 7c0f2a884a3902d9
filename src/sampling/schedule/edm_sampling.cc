#include "sampling/schedule/edm_sampling.h"

#include <cmath>
#include <numbers>

#include "ops/arithmetic/formula.h"
#include "sampling/random/torch_math.h"
#include "sampling/schedule/schedule.h"

namespace easel::sampling {
EdmSampling::EdmSampling(const Options& options) : options_(options) {
  if (!(options.sigma_min > 0) || !(options.sigma_max > options.sigma_min) || !(options.sigma_max <= 1e6) ||
      !(options.deviation > 0) || options.levels < 2)
    throw Error(Fault::kInternal, "continuous noise levels are not made of this");
  sigmas_ = torch_linspace(static_cast<float>(std::log(options.sigma_min)),
                           static_cast<float>(std::log(options.sigma_max)), options.levels);
  for (float& sigma : sigmas_) sigma = torch_exp(sigma);
}

float EdmSampling::timestep(float sigma) const {
  if (options_.told == Told::kLogarithm) return 0.25f * torch_log(sigma);
  return std::atan(sigma) / std::numbers::pi_v<float> * 2;
}

float EdmSampling::sigma(float timestep) const {
  if (options_.told == Told::kLogarithm) return torch_exp(timestep / 0.25f);
  return std::tan(timestep * std::numbers::pi_v<float> / 2);
}

double EdmSampling::sigma_within(double percent) const {
  const double low = std::log(static_cast<double>(sigma_min()));
  return std::exp((std::log(static_cast<double>(sigma_max())) - low) * (1.0 - percent) + low);
}

Tensor EdmSampling::network_input(const Tensor& x, float sigma) const {
  const auto deviation = static_cast<float>(options_.deviation);
  const float scale = std::sqrt(sigma * sigma + deviation * deviation);
  return ops::map([=](auto v) { return v / scale; }, x);
}

Tensor EdmSampling::denoised(const Tensor& output, const Tensor& x, float sigma) const {
  const auto deviation = static_cast<float>(options_.deviation);
  const float own = deviation * deviation, variance = sigma * sigma + own, scale = std::sqrt(variance);
  const float sign = options_.says == Says::kEdm ? 1.0f : -1.0f;
  return ops::map([=](auto f, auto v) { return v * own / variance + f * (sign * sigma * deviation) / scale; }, output,
                  x);
}

ModelSamplingPtr EdmSampling::with_prediction(Prediction prediction, bool) const {
  if (prediction == Prediction::kV) return std::make_shared<const EdmSampling>(options_);
  throw Error(Fault::kMismatch, "this model was trained on continuous noise levels, which say what it predicts")
      .fix("Take the node away");
}

}  // namespace easel::sampling
