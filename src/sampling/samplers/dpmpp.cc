// DPM-Solver++ (Lu et al. 2022): multistep integrators of the denoised picture, and their stochastic forms.
#include <algorithm>

#include "sampling/random/brownian.h"
#include "sampling/samplers/all.h"

namespace easel::sampling {
namespace {

// The Brownian path of a run, over its levels above 0.
BrownianNoise brownian_noise(const SamplerRun& run) {
  if (run.path_span) return BrownianNoise(run.x.shape(), run.path_span->lowest, run.path_span->highest, run.seed);
  float lowest = run.sigmas[0], highest = run.sigmas[0];
  for (float sigma : run.sigmas) {
    if (sigma > 0) lowest = std::min(lowest, sigma);
    highest = std::max(highest, sigma);
  }
  return BrownianNoise(run.x.shape(), lowest, highest, run.seed);
}

Tensor combine(float a, const Tensor& x, float b, const Tensor& denoised) {
  return ops::map([=](auto v, auto d) { return a * v + b * d; }, x, denoised);
}

}  // namespace

Tensor sample_dpmpp_2m(SamplerRun& run) {
  Tensor x = run.x, last;
  for (size_t i = 0; i + 1 < run.sigmas.size(); ++i) {
    const float sigma = run.sigmas[i], next = run.sigmas[i + 1];
    const Tensor denoised = run.evaluate(x, sigma);
    run.report(static_cast<int>(i), x, sigma, denoised);
    const float t = time_of(sigma), t_next = time_of(next), h = t_next - t;
    Tensor target = denoised;
    if (last.defined() && next != 0) {
      const float r = (t - time_of(run.sigmas[i - 1])) / h;
      const float now = 1 + 1 / (2 * r), before = 1 / (2 * r);
      target = ops::map([=](auto d, auto old) { return now * d - before * old; }, denoised, last);
    }
    x = combine(sigma_of(t_next) / sigma_of(t), x, -torch_expm1(-h), target);
    last = denoised;
  }
  return x;
}

Tensor sample_dpmpp_sde(SamplerRun& run) {
  if (run.sigmas.size() <= 1) return run.x;
  BrownianNoise noise = brownian_noise(run);
  Tensor x = run.x;
  // From time t to s: denoises below the level of s, then adds fresh noise up to it.
  const auto step = [&](const Tensor& from, const Tensor& denoised, float t, float s) {
    const float start = sigma_of(t), end = sigma_of(s);
    const AncestralStep split = ancestral_step(start, end, run.eta());
    const float down = time_of(split.down), up = split.up;
    const Tensor moved = combine(sigma_of(down) / start, from, -torch_expm1(t - down), denoised);
    return add_noise(moved, noise(start, end), run.knobs.s_noise, up);
  };
  for (size_t i = 0; i + 1 < run.sigmas.size(); ++i) {
    const float sigma = run.sigmas[i], next = run.sigmas[i + 1];
    const Tensor denoised = run.evaluate(x, sigma);
    run.report(static_cast<int>(i), x, sigma, denoised);
    if (next == 0) {
      x = euler_step(x, denoised, sigma, next - sigma);
      continue;
    }
    const float t = time_of(sigma), t_next = time_of(next), middle = t + (t_next - t) * run.knobs.r;
    const Tensor between = step(x, denoised, t, middle), denoised2 = run.evaluate(between, sigma_of(middle));
    // At r = 1/2 the second evaluation alone represents the whole step, otherwise a mixture of both does.
    const float weight = 1 / (2 * run.knobs.r);
    const Tensor both = ops::map([=](auto d, auto d2) { return (1 - weight) * d + weight * d2; }, denoised, denoised2);
    x = step(x, both, t, t_next);
  }
  return x;
}

namespace {

// How the change since the last step is taken into account: at the middle of the step, or averaged over the step.
enum class Slope { kMidpoint, kHeun };

Tensor dpmpp_2m_sde(SamplerRun& run, Slope kind) {
  if (run.sigmas.size() <= 1) return run.x;
  BrownianNoise noise = brownian_noise(run);
  Tensor x = run.x, last;
  float h_last = 0;
  for (size_t i = 0; i + 1 < run.sigmas.size(); ++i) {
    const float sigma = run.sigmas[i], next = run.sigmas[i + 1];
    const Tensor denoised = run.evaluate(x, sigma);
    run.report(static_cast<int>(i), x, sigma, denoised);
    if (next == 0) {
      x = denoised;
      continue;
    }
    const float h = time_of(next) - time_of(sigma), eta_h = run.eta() * h;
    const float gain = -torch_expm1(-h - eta_h);
    x = combine(next / sigma * torch_exp(-eta_h), x, gain, denoised);
    if (last.defined()) {
      const float weight = kind == Slope::kMidpoint ? 0.5f * gain : gain / (-h - eta_h) + 1;
      const float slope = weight * (1 / (h_last / h));
      x = ops::map([=](auto v, auto d, auto old) { return v + slope * (d - old); }, x, denoised, last);
    }
    if (run.eta() != 0) {
      const float deviation = std::sqrt(-torch_expm1(-2 * eta_h)), s_noise = run.knobs.s_noise;
      x = ops::map([=](auto v, auto z) { return v + z * next * deviation * s_noise; }, x, noise(sigma, next));
    }
    last = denoised;
    h_last = h;
  }
  return x;
}

}  // namespace

Tensor sample_dpmpp_2m_sde(SamplerRun& run) { return dpmpp_2m_sde(run, Slope::kMidpoint); }
Tensor sample_dpmpp_2m_sde_heun(SamplerRun& run) { return dpmpp_2m_sde(run, Slope::kHeun); }

Tensor sample_dpmpp_3m_sde(SamplerRun& run) {
  if (run.sigmas.size() <= 1) return run.x;
  BrownianNoise noise = brownian_noise(run);
  Tensor x = run.x, last, before;  // the denoised pictures of the last two steps
  float h1 = 0, h2 = 0;
  for (size_t i = 0; i + 1 < run.sigmas.size(); ++i) {
    const float sigma = run.sigmas[i], next = run.sigmas[i + 1];
    const Tensor denoised = run.evaluate(x, sigma);
    run.report(static_cast<int>(i), x, sigma, denoised);
    if (next == 0) {
      x = denoised;
      continue;
    }
    const float h = time_of(next) - time_of(sigma), h_eta = h * (run.eta() + 1);
    x = combine(torch_exp(-h_eta), x, -torch_expm1(-h_eta), denoised);
    const float phi2 = torch_expm1(-h_eta) / h_eta + 1, phi3 = phi2 / h_eta - 0.5f;
    if (before.defined()) {
      const float r0 = h1 / h, r1 = h2 / h;
      x = ops::map(
          [=](auto v, auto d, auto d1, auto d2) {
            const auto slope = (d - d1) / r0, earlier = (d1 - d2) / r1;
            const auto bend = (slope - earlier) / (r0 + r1);
            return v + phi2 * (slope + (slope - earlier) * r0 / (r0 + r1)) - phi3 * bend;
          },
          x, denoised, last, before);
    } else if (last.defined()) {
      const float r = h1 / h;
      x = ops::map([=](auto v, auto d, auto d1) { return v + phi2 * ((d - d1) / r); }, x, denoised, last);
    }
    if (run.eta() != 0) {
      const float deviation = std::sqrt(-torch_expm1(-2 * h * run.eta())), s_noise = run.knobs.s_noise;
      x = ops::map([=](auto v, auto z) { return v + z * next * deviation * s_noise; }, x, noise(sigma, next));
    }
    before = last;
    last = denoised;
    h2 = h1;
    h1 = h;
  }
  return x;
}

}  // namespace easel::sampling
