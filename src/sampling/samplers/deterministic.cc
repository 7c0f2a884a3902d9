// Solvers of the probability-flow equation dx/dsigma = (x - denoised) / sigma.
#include <array>
#include <deque>

#include "sampling/samplers/all.h"

namespace easel::sampling {

Tensor sample_euler(SamplerRun& run) {
  Tensor x = run.x;
  for (int i = 0; i < run.steps(); ++i) {
    const float sigma = run.sigmas[static_cast<size_t>(i)], next = run.sigmas[static_cast<size_t>(i) + 1];
    const Tensor denoised = run.evaluate(x, sigma);
    run.report(i, x, sigma, denoised);
    x = euler_step(x, denoised, sigma, next - sigma);
  }
  return x;
}

Tensor sample_heun(SamplerRun& run) {
  Tensor x = run.x;
  for (int i = 0; i < run.steps(); ++i) {
    const float sigma = run.sigmas[static_cast<size_t>(i)], next = run.sigmas[static_cast<size_t>(i) + 1];
    const Tensor denoised = run.evaluate(x, sigma);
    run.report(i, x, sigma, denoised);
    const float dt = next - sigma;
    const Tensor d = direction(x, denoised, sigma);
    const Tensor predicted = add_scaled(x, d, dt);
    if (next == 0) {
      x = predicted;
      continue;
    }
    const Tensor d2 = direction(predicted, run.evaluate(predicted, next), next);
    x = ops::map([=](auto v, auto a, auto b) { return v + (a + b) / 2 * dt; }, x, d, d2);
  }
  return x;
}

Tensor sample_heunpp2(SamplerRun& run) {
  Tensor x = run.x;
  const auto& sigmas = run.sigmas;
  for (size_t i = 0; i + 1 < sigmas.size(); ++i) {
    const float sigma = sigmas[i], next = sigmas[i + 1];
    const Tensor denoised = run.evaluate(x, sigma);
    run.report(static_cast<int>(i), x, sigma, denoised);
    const float dt = next - sigma;
    const Tensor d = direction(x, denoised, sigma);
    const Tensor x2 = add_scaled(x, d, dt);
    if (next == sigmas.back()) {
      x = x2;
      continue;
    }
    const Tensor d2 = direction(x2, run.evaluate(x2, next), next);
    const float after = sigmas[i + 2];
    if (after == sigmas.back()) {
      const float w2 = next / (2 * sigmas[0]), w1 = 1 - w2;
      x = ops::map([=](auto v, auto a, auto b) { return v + (a * w1 + b * w2) * dt; }, x, d, d2);
      continue;
    }
    const float dt2 = after - next;
    const Tensor x3 = add_scaled(x2, d2, dt2);
    const Tensor d3 = direction(x3, run.evaluate(x3, after), after);
    const float w2 = next / (3 * sigmas[0]), w3 = after / (3 * sigmas[0]), w1 = 1 - w2 - w3;
    x = ops::map([=](auto v, auto a, auto b, auto c) { return v + (w1 * a + w2 * b + w3 * c) * dt; }, x, d, d2, d3);
  }
  return x;
}

Tensor sample_dpm_2(SamplerRun& run) {
  Tensor x = run.x;
  for (int i = 0; i < run.steps(); ++i) {
    const float sigma = run.sigmas[static_cast<size_t>(i)], next = run.sigmas[static_cast<size_t>(i) + 1];
    const Tensor denoised = run.evaluate(x, sigma);
    run.report(i, x, sigma, denoised);
    if (next == 0) {
      x = euler_step(x, denoised, sigma, next - sigma);
      continue;
    }
    const float log_next = torch_log(next);
    const float middle = torch_exp(log_next - (log_next - torch_log(sigma)) * 0.5f);
    const Tensor half_way = euler_step(x, denoised, sigma, middle - sigma);
    const Tensor denoised2 = run.evaluate(half_way, middle);
    const float dt = next - sigma;
    x = ops::map([=](auto v, auto h, auto d) { return v + (h - d) / middle * dt; }, x, half_way, denoised2);
  }
  return x;
}

namespace {

// The integral from levels[i] to levels[i + 1] of the Lagrange polynomial that is 1 at levels[i - j] and 0 at the
// others of the last `order` levels. Two Gauss-Legendre nodes are exact up to degree 3; for higher orders the interval
// is divided finely.
double multistep_coefficient(const std::vector<float>& levels, size_t i, size_t j, size_t order) {
  const int pieces = order <= 4 ? 1 : 64;
  const double width = (static_cast<double>(levels[i + 1]) - levels[i]) / pieces, half = 0.5 * width;
  double integral = 0;
  for (int piece = 0; piece < pieces; ++piece) {
    const double centre = levels[i] + width * (piece + 0.5);
    for (double node : {-0.57735026918962576, 0.57735026918962576}) {
      double product = 1;
      for (size_t k = 0; k < order; ++k) {
        if (k != j) product *= (centre + half * node - levels[i - k]) / (levels[i - j] - levels[i - k]);
      }
      integral += product * half;
    }
  }
  return integral;
}

}  // namespace

Tensor sample_lms(SamplerRun& run) {
  const size_t most = run.knobs.order > 0 ? static_cast<size_t>(run.knobs.order) : 4;
  Tensor x = run.x;
  std::deque<Tensor> slopes;  // newest first
  for (size_t i = 0; i + 1 < run.sigmas.size(); ++i) {
    const float sigma = run.sigmas[i];
    const Tensor denoised = run.evaluate(x, sigma);
    run.report(static_cast<int>(i), x, sigma, denoised);
    slopes.push_front(direction(x, denoised, sigma));
    if (slopes.size() > most) slopes.pop_back();
    Tensor sum;
    for (size_t j = 0; j < slopes.size(); ++j) {
      const auto c = static_cast<float>(multistep_coefficient(run.sigmas, i, j, slopes.size()));
      sum = sum.defined() ? ops::map([=](auto total, auto d) { return total + c * d; }, sum, slopes[j])
                          : ops::map([=](auto d) { return c * d; }, slopes[j]);
    }
    x = ops::map([](auto v, auto step) { return v + step; }, x, sum);
  }
  return x;
}

}  // namespace easel::sampling
