#include "sampling/schedule/flow_sampling.h"

#include "ops/arithmetic/formula.h"

namespace easel::sampling {

FlowSampling::FlowSampling(const Options& options) : options_(options) {
  if (!(options.shift > 0) || !(options.time_scale > 0) || options.levels < 2)
    throw Error(Fault::kInternal, "a flow cannot have such noise levels");
  for (int i = 1; i <= options.levels; ++i)
    sigmas_.push_back(static_cast<float>(shifted(static_cast<double>(i) / options.levels)));
}

double FlowSampling::shifted(double t) const { return options_.shift * t / (1 + (options_.shift - 1) * t); }

float FlowSampling::timestep(float sigma) const { return sigma * static_cast<float>(options_.time_scale); }

float FlowSampling::sigma(float timestep) const {
  return static_cast<float>(shifted(static_cast<double>(timestep) / options_.time_scale));
}

double FlowSampling::percent_to_sigma(double percent) const {
  if (percent <= 0.0) return 1.0;
  if (percent >= 1.0) return 0.0;
  return shifted(1.0 - percent);
}

Tensor FlowSampling::denoised(const Tensor& output, const Tensor& x, float sigma) const {
  return ops::map([=](auto direction, auto v) { return v - direction * sigma; }, output, x);
}

Tensor FlowSampling::add_noise(const Tensor& latent, const Tensor& noise, float sigma, bool) const {
  const float keep = signal(sigma);
  return ops::map([=](auto picture, auto z) { return z * sigma + keep * picture; }, latent, noise);
}

Tensor FlowSampling::unscaled(const Tensor& x, float sigma) const {
  const float keep = signal(sigma);
  // x is the picture itself, or contains nothing of it.
  if (sigma == 0 || !(keep > 0)) return x;
  return ops::map([=](auto v) { return v / keep; }, x);
}

ModelSamplingPtr FlowSampling::with_prediction(Prediction prediction, bool) const {
  if (prediction == Prediction::kFlow) return std::make_shared<const FlowSampling>(options_);
  throw Error(Fault::kMismatch, "this model goes straight from noise to picture, so it can predict nothing else")
      .fix("Take the node away");
}

}  // namespace easel::sampling
