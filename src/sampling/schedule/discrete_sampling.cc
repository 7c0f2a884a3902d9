#include "sampling/schedule/discrete_sampling.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/arithmetic/formula.h"
#include "sampling/random/torch_math.h"

namespace easel::sampling {
namespace {

constexpr int kLcmTimesteps = 50;  // the timesteps that latent consistency models are distilled to

// The root of a timestep's beta.
double beta_root(const RootLinearBetas& betas, int timestep) {
  const double first = std::sqrt(betas.first), last = std::sqrt(betas.last);
  return first + (last - first) / (betas.timesteps - 1) * timestep;
}

std::vector<double> discrete_sigmas(const RootLinearBetas& betas) {
  std::vector<double> sigmas(static_cast<size_t>(betas.timesteps));
  double alpha_product = 1.0;
  for (int i = 0; i < betas.timesteps; ++i) {
    const double root = beta_root(betas, i);
    alpha_product *= 1.0 - root * root;
    sigmas[static_cast<size_t>(i)] = std::sqrt((1.0 - alpha_product) / alpha_product);
  }
  return sigmas;
}

// Stretches the schedule so that its last step is (almost) pure noise. Lin et al. 2023, "Common Diffusion Noise
// Schedules and Sample Steps are Flawed", algorithm 1.
void rescale_to_zero_snr(std::vector<double>& sigmas) {
  const auto signal = [](double sigma) { return std::sqrt(1 / (sigma * sigma + 1)); };
  const double first = signal(sigmas.front()), last = signal(sigmas.back());
  for (double& sigma : sigmas) {
    const double root = (signal(sigma) - last) * (first / (first - last));
    sigma = root * root;
  }
  sigmas.back() = 4.8973451890853435e-08;  // not quite zero, so that sigma stays finite
  for (double& alpha : sigmas) alpha = std::sqrt((1 - alpha) / alpha);
}

}  // namespace

DiscreteSampling::DiscreteSampling(const RootLinearBetas& betas, Prediction prediction, bool zero_terminal_snr)
    : betas_(betas), prediction_(prediction) {
  if (betas.timesteps < kLcmTimesteps || prediction == Prediction::kFlow)
    throw Error(Fault::kInternal, "discrete noise levels are not made of this");
  std::vector<double> sigmas = discrete_sigmas(betas);
  if (zero_terminal_snr) rescale_to_zero_snr(sigmas);
  for (double sigma : sigmas) {
    sigmas_.push_back(static_cast<float>(sigma));
    log_sigmas_.push_back(static_cast<float>(std::log(sigma)));
  }
  if (prediction == Prediction::kLcm) keep_distilled_levels();
}

void DiscreteSampling::keep_distilled_levels() {
  stride_ = betas_.timesteps / kLcmTimesteps;
  const auto stride = static_cast<size_t>(stride_);
  for (size_t i = 0; i < kLcmTimesteps; ++i) sigmas_[i] = sigmas_[(i + 1) * stride - 1];
  sigmas_.resize(kLcmTimesteps);
  log_sigmas_.resize(sigmas_.size());
  std::transform(sigmas_.begin(), sigmas_.end(), log_sigmas_.begin(), torch_log);
}

float DiscreteSampling::timestep(float sigma) const {
  const float log_sigma = torch_log(sigma);
  size_t nearest = 0;
  float least = std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < log_sigmas_.size(); ++i) {
    const float distance = std::fabs(log_sigma - log_sigmas_[i]);
    if (distance < least) {
      least = distance;
      nearest = i;
    }
  }
  return static_cast<float>(static_cast<int>(nearest) * stride_ + stride_ - 1);
}

float DiscreteSampling::sigma(float timestep) const {
  const auto stride = static_cast<float>(stride_);
  const float t = std::clamp((timestep - (stride - 1)) / stride, 0.0f, static_cast<float>(sigmas_.size() - 1));
  const float below = std::floor(t);
  const float w = t - below;
  const float low = log_sigmas_[static_cast<size_t>(below)], high = log_sigmas_[static_cast<size_t>(std::ceil(t))];
  return torch_exp((1 - w) * low + w * high);
}

double DiscreteSampling::sigma_within(double percent) const {
  return sigma(static_cast<float>((1.0 - percent) * static_cast<double>(betas_.timesteps - 1)));
}

Tensor DiscreteSampling::network_input(const Tensor& x, float sigma) const {
  const float scale = std::sqrt(sigma * sigma + 1);
  return ops::map([=](auto v) { return v / scale; }, x);
}

Tensor DiscreteSampling::denoised(const Tensor& output, const Tensor& x, float sigma) const {
  if (prediction_ == Prediction::kX0) return output;
  if (prediction_ == Prediction::kEps) {
    return ops::map([=](auto eps, auto v) { return v - eps * sigma; }, output, x);
  }
  if (prediction_ == Prediction::kLcm) {
    // Luo et al. 2023: the boundary condition, with sigma_data = 0.5 and timesteps scaled by 10.
    const float t = timestep(sigma) * 10.0f, data = 0.5f;
    const float skip = data * data / (t * t + data * data), scale = t / std::sqrt(t * t + data * data);
    return ops::map([=](auto eps, auto v) { return scale * (v - eps * sigma) + skip * v; }, output, x);
  }
  const float variance = sigma * sigma + 1, scale = std::sqrt(variance);
  return ops::map([=](auto velocity, auto v) { return v / variance - velocity * sigma / scale; }, output, x);
}

ModelSamplingPtr DiscreteSampling::with_prediction(Prediction prediction, bool zero_terminal_snr) const {
  return std::make_shared<const DiscreteSampling>(betas_, prediction, zero_terminal_snr);
}

std::shared_ptr<const DiscreteSampling> DiscreteSampling::distilled() const {
  auto out = std::make_shared<DiscreteSampling>(betas_, Prediction::kEps);
  out->keep_distilled_levels();
  return out;
}

float DiscreteSampling::alpha_product(int timestep) const {
  double product = 1.0;
  for (int i = 0; i <= timestep; ++i) {
    const double root = beta_root(betas_, i);
    product *= 1.0 - root * root;
  }
  return static_cast<float>(product);
}

}  // namespace easel::sampling
