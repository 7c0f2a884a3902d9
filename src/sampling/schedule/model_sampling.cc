#include "sampling/schedule/model_sampling.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sampling/map.h"
#include "sampling/random/torch_math.h"

namespace easel::sampling {
namespace {

constexpr int kTimesteps = 1000;
constexpr double kBetaFirst = 0.00085, kBetaLast = 0.012;
constexpr int kLcmStride = 20;

std::vector<double> discrete_sigmas() {
  const double first = std::sqrt(kBetaFirst), last = std::sqrt(kBetaLast);
  std::vector<double> sigmas(kTimesteps);
  double alpha_product = 1.0;
  for (int i = 0; i < kTimesteps; ++i) {
    const double root = first + (last - first) / (kTimesteps - 1) * i;
    alpha_product *= 1.0 - root * root;
    sigmas[static_cast<size_t>(i)] = std::sqrt((1.0 - alpha_product) / alpha_product);
  }
  return sigmas;
}

// Stretches the schedule until its last step is (all but) pure noise. Lin et al. 2023, "Common Diffusion Noise
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

ModelSampling::ModelSampling(Prediction prediction, bool zero_terminal_snr) : prediction_(prediction) {
  std::vector<double> sigmas = discrete_sigmas();
  if (zero_terminal_snr) rescale_to_zero_snr(sigmas);
  for (double sigma : sigmas) {
    sigmas_.push_back(static_cast<float>(sigma));
    log_sigmas_.push_back(static_cast<float>(std::log(sigma)));
  }
  if (prediction != Prediction::kLcm) return;
  stride_ = kLcmStride;
  for (size_t i = 0; i < sigmas_.size() / kLcmStride; ++i) sigmas_[i] = sigmas_[(i + 1) * kLcmStride - 1];
  sigmas_.resize(sigmas_.size() / kLcmStride);
  log_sigmas_.resize(sigmas_.size());
  std::transform(sigmas_.begin(), sigmas_.end(), log_sigmas_.begin(), torch_log);
}

int ModelSampling::timestep(float sigma) const {
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
  return static_cast<int>(nearest) * stride_ + stride_ - 1;
}

float ModelSampling::sigma(float timestep) const {
  const auto stride = static_cast<float>(stride_);
  const float t = std::clamp((timestep - (stride - 1)) / stride, 0.0f, static_cast<float>(sigmas_.size() - 1));
  const float below = std::floor(t);
  const float w = t - below;
  const float low = log_sigmas_[static_cast<size_t>(below)], high = log_sigmas_[static_cast<size_t>(std::ceil(t))];
  return torch_exp((1 - w) * low + w * high);
}

double ModelSampling::percent_to_sigma(double percent) const {
  if (percent <= 0.0) return 999999999.9;
  if (percent >= 1.0) return 0.0;
  return sigma(static_cast<float>((1.0 - percent) * 999.0));
}

Tensor ModelSampling::network_input(const Tensor& x, float sigma) const {
  const float scale = std::sqrt(sigma * sigma + 1);
  return map([=](float v) { return v / scale; }, x);
}

Tensor ModelSampling::denoised(const Tensor& output, const Tensor& x, float sigma) const {
  if (prediction_ == Prediction::kX0) return output;
  if (prediction_ == Prediction::kEps) {
    return map([=](float eps, float v) { return v - eps * sigma; }, output, x);
  }
  if (prediction_ == Prediction::kLcm) {
    // Luo et al. 2023: the boundary condition, with sigma_data = 0.5 and timesteps counted tenfold.
    const float t = static_cast<float>(timestep(sigma)) * 10.0f, data = 0.5f;
    const float skip = data * data / (t * t + data * data), scale = t / std::sqrt(t * t + data * data);
    return map([=](float eps, float v) { return scale * (v - eps * sigma) + skip * v; }, output, x);
  }
  const float variance = sigma * sigma + 1, scale = std::sqrt(variance);
  return map([=](float velocity, float v) { return v / variance - velocity * sigma / scale; }, output, x);
}

Tensor ModelSampling::add_noise(const Tensor& latent, const Tensor& noise, float sigma, bool from_pure_noise) const {
  const float scale = from_pure_noise ? std::sqrt(1 + sigma * sigma) : sigma;
  return map([=](float image, float z) { return z * scale + image; }, latent, noise);
}

bool ModelSampling::is_pure_noise(float sigma) const {
  const double highest = sigma_max(), level = sigma;
  return level > highest || std::fabs(highest - level) <= 1e-5 * std::max(highest, level);
}

}  // namespace easel::sampling
