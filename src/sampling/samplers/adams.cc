// Multistep samplers that extrapolate the direction dx/dsigma from past steps.
#include <array>
#include <deque>

#include "sampling/samplers/all.h"

namespace easel::sampling {
namespace {

// sum of weights[j] * slopes[j]; slopes newest first.
Tensor weighted(const std::deque<Tensor>& slopes, const std::vector<float>& weights) {
  const float w0 = weights[0];
  Tensor sum = ops::map([=](auto d) { return w0 * d; }, slopes[0]);
  for (size_t j = 1; j < weights.size(); ++j) {
    const float w = weights[j];
    sum = ops::map([=](auto total, auto d) { return total + w * d; }, sum, slopes[j]);
  }
  return sum;
}

// Steps of the form x + sum of coefficients times directions. `coefficients(i, order)` gives those of step i >= 1.
template <class Coefficients>
Tensor multistep(SamplerRun& run, size_t max_order, const Coefficients& coefficients) {
  Tensor x = run.x;
  std::deque<Tensor> slopes;
  for (size_t i = 0; i + 1 < run.sigmas.size(); ++i) {
    const float sigma = run.sigmas[i], next = run.sigmas[i + 1];
    const Tensor denoised = run.evaluate(x, sigma);
    run.report(static_cast<int>(i), x, sigma, denoised);
    slopes.push_front(direction(x, denoised, sigma));
    if (slopes.size() > max_order) slopes.pop_back();
    if (next == 0) {
      x = denoised;
    } else {
      const std::vector<float> weights =
          slopes.size() == 1 ? std::vector<float>{next - sigma} : coefficients(i, slopes.size());
      x = ops::map([](auto v, auto step) { return v + step; }, x, weighted(slopes, weights));
    }
  }
  return x;
}

}  // namespace

Tensor sample_ipndm(SamplerRun& run) {
  static const std::array<std::vector<double>, 3> kWeights = {std::vector<double>{3.0 / 2, -1.0 / 2},
                                                              {23.0 / 12, -16.0 / 12, 5.0 / 12},
                                                              {55.0 / 24, -59.0 / 24, 37.0 / 24, -9.0 / 24}};
  return multistep(run, 4, [&](size_t i, size_t order) {
    const double step = run.sigmas[i + 1] - run.sigmas[i];
    std::vector<float> out;
    for (double w : kWeights[order - 2]) out.push_back(static_cast<float>(w * step));
    return out;
  });
}

namespace {

// Coefficients for the next step h[0] and the past ones h[1], h[2], ... Orders 3 and 4 group their terms as the
// published code does: not quite the variable-step formula, but what the reference's pictures are made with.
std::vector<double> variable_step_weights(const std::vector<double>& h) {
  const double ratio = h[0] / h[1];
  std::vector<double> c = {(2 + ratio) / 2, -ratio / 2};
  if (h.size() == 2) return c;

  const double span = h[0] + h[1], past = h[1] + h[2];
  const double t1 = (1 - h[0] / (3 * span) * (h[0] * span) / (h[1] * past)) / 2;
  c[0] += t1;
  c[1] -= (1 + h[1] / h[2]) * t1;
  c.push_back(t1 * h[1] / h[2]);
  if (h.size() == 3) return c;

  const double all = span + h[2], earlier = h[2] + h[3];
  const double t2 = ((1 - h[0] / (3 * span)) / 2 + (1 - h[0] / (2 * span)) * h[0] / (6 * all)) * (h[0] * span * all) /
                    (h[1] * past * (past + h[3]));
  const double cross = h[1] * past / (h[2] * earlier);
  c[0] += t2;
  c[1] -= (1 + h[1] / h[2] + cross) * t2;
  c[2] += (h[1] / h[2] + cross * (1 + h[2] / h[3])) * t2;
  c.push_back(-t2 * cross * h[1] / h[2]);
  return c;
}

// DEIS integrates in the time of a variance-preserving process whose beta rises linearly, from sigma 0.002 to 80; the
// ends are rounded to f32 as the published constants are.
class DeisTime {
 public:
  DeisTime() {
    const float low = std::log(0.002f * 0.002f + 1), high = std::log(80.0f * 80.0f + 1);
    slope_ = 2 * (low / 1e-3f - high) / (1e-3f - 1);
    first_ = high - 0.5f * slope_;
  }
  double of(float sigma) const {
    const double s = sigma;
    return (std::sqrt(first_ * first_ + 2 * slope_ * std::log(s * s + 1)) - first_) / slope_;
  }
  // The weight of a direction at time t.
  double density(double t) const {
    const double log_alpha = -0.5 * t * t * slope_ - t * first_, alpha = std::exp(log_alpha);
    return 0.5 * (t * slope_ + first_) / std::sqrt(alpha * -std::expm1(log_alpha));
  }

 private:
  double slope_, first_;
};

}  // namespace

Tensor sample_ipndm_v(SamplerRun& run) {
  return multistep(run, 4, [&](size_t i, size_t order) {
    std::vector<double> h;
    for (size_t k = 0; k < order; ++k) h.push_back(run.sigmas[i + 1 - k] - run.sigmas[i - k]);
    std::vector<float> out;
    for (double w : variable_step_weights(h)) out.push_back(static_cast<float>(w * h[0]));
    return out;
  });
}

Tensor sample_deis(SamplerRun& run) {
  constexpr int kPoints = 10000;
  const DeisTime time;
  return multistep(run, 3, [&](size_t i, size_t order) {
    std::vector<double> past;
    for (size_t k = 0; k < order; ++k) past.push_back(time.of(run.sigmas[i - k]));
    const double from = past[0], to = time.of(run.sigmas[i + 1]);
    std::vector<double> sums(order, 0.0);
    for (int n = 0; n < kPoints; ++n) {
      const double t = from + (to - from) * n / (kPoints - 1), density = time.density(t);
      for (size_t j = 0; j < order; ++j) {
        double lagrange = density;
        for (size_t k = 0; k < order; ++k) {
          if (k != j) lagrange *= (t - past[k]) / (past[j] - past[k]);
        }
        sums[j] += lagrange;
      }
    }
    std::vector<float> out;
    for (double sum : sums) out.push_back(static_cast<float>(sum * (to - from) / kPoints));
    return out;
  });
}

namespace {

Tensor gradient_estimation(SamplerRun& run, bool cfg_pp) {
  Tensor x = run.x, last;
  for (int i = 0; i < run.steps(); ++i) {
    const float sigma = run.sigmas[static_cast<size_t>(i)], next = run.sigmas[static_cast<size_t>(i) + 1];
    const Tensor denoised = run.evaluate(x, sigma);
    run.report(i, x, sigma, denoised);
    if (next == 0) {
      x = denoised;
      continue;
    }
    const Tensor d = direction(x, cfg_pp ? run.uncond_denoised() : denoised, sigma);
    const float dt = next - sigma;
    x = cfg_pp ? ops::map([=](auto p, auto slope) { return p + slope * next; }, denoised, d) : add_scaled(x, d, dt);
    if (last.defined()) x = ops::map([=](auto v, auto now, auto old) { return v + (now - old) * dt; }, x, d, last);
    last = d;
  }
  return x;
}

}  // namespace

Tensor sample_gradient_estimation(SamplerRun& run) { return gradient_estimation(run, false); }
Tensor sample_gradient_estimation_cfg_pp(SamplerRun& run) { return gradient_estimation(run, true); }

}  // namespace easel::sampling
