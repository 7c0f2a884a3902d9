// CFG++ (Chung et al. 2024): denoises to the guided picture, and adds noise back along the unconditional prediction.
#include "sampling/samplers/all.h"

namespace easel::sampling {
namespace {

Tensor euler_cfg_pp(SamplerRun& run, float eta) {
  TorchGenerator rng(run.seed);
  Tensor x = run.x;
  for (int i = 0; i < run.steps(); ++i) {
    const float sigma = run.sigmas[static_cast<size_t>(i)], next = run.sigmas[static_cast<size_t>(i) + 1];
    const Tensor denoised = run.evaluate(x, sigma);
    run.report(i, x, sigma, denoised);
    if (next == 0) {
      x = denoised;
      continue;
    }
    const AncestralStep step = ancestral_step(sigma, next, eta);
    x = ops::map([=](auto v, auto d, auto u) { return d + step.down * ((v - u) / sigma); }, x, denoised,
                 run.uncond_denoised());
    if (eta > 0) x = add_noise(x, rng.randn(x.shape()), run.knobs.s_noise, step.up);
  }
  return x;
}

}  // namespace

Tensor sample_euler_cfg_pp(SamplerRun& run) { return euler_cfg_pp(run, 0); }
Tensor sample_euler_ancestral_cfg_pp(SamplerRun& run) { return euler_cfg_pp(run, run.eta()); }

Tensor sample_euler_pp(SamplerRun& run) {
  Tensor x = run.x;
  for (int i = 0; i < run.steps(); ++i) {
    const float sigma = run.sigmas[static_cast<size_t>(i)], next = run.sigmas[static_cast<size_t>(i) + 1];
    const Tensor denoised = run.evaluate(x, sigma);
    run.report(i, x, sigma, denoised);
    x = ops::map([=](auto v, auto d, auto u) { return v + (v - d + u - d) / sigma * (next - sigma); }, x, denoised,
                 run.uncond_denoised());
  }
  return x;
}

Tensor sample_dpmpp_2s_ancestral_cfg_pp(SamplerRun& run) {
  TorchGenerator rng(run.seed);
  Tensor x = run.x;
  for (int i = 0; i < run.steps(); ++i) {
    const float sigma = run.sigmas[static_cast<size_t>(i)], next = run.sigmas[static_cast<size_t>(i) + 1];
    const Tensor denoised = run.evaluate(x, sigma);
    run.report(i, x, sigma, denoised);
    const AncestralStep step = ancestral_step(sigma, next, run.eta());
    if (step.down == 0) {
      x = denoised;
    } else {
      const float t = time_of(sigma), t_next = time_of(step.down), start = sigma_of(t);
      const float h = t_next - t, middle = sigma_of(t + 0.5f * h);
      // From x moved by the guidance, with the prediction of the stage's own model evaluation.
      const auto stage = [&](float keep, float gain, const Tensor& uncond, const Tensor& target) {
        return ops::map([=](auto v, auto d, auto u, auto p) { return keep * (v + (d - u)) - gain * p; }, x, denoised,
                        uncond, target);
      };
      const Tensor half_way = stage(middle / start, torch_expm1(-h * 0.5f), run.uncond_denoised(), denoised);
      const Tensor denoised2 = run.evaluate(half_way, middle);
      x = stage(sigma_of(t_next) / start, torch_expm1(-h), run.uncond_denoised(), denoised2);
    }
    if (next > 0) x = add_noise(x, rng.randn(x.shape()), run.knobs.s_noise, step.up);
  }
  return x;
}

Tensor sample_dpmpp_2m_cfg_pp(SamplerRun& run) {
  Tensor x = run.x, last;
  for (size_t i = 0; i + 1 < run.sigmas.size(); ++i) {
    const float sigma = run.sigmas[i], next = run.sigmas[i + 1];
    const Tensor denoised = run.evaluate(x, sigma), uncond = run.uncond_denoised();
    run.report(static_cast<int>(i), x, sigma, denoised);
    const float t = time_of(sigma), h = time_of(next) - t, keep = torch_exp(-h);
    if (!last.defined() || next == 0) {
      x = ops::map([=](auto v, auto d, auto u) { return d + -keep * u + keep * v; }, x, denoised, uncond);
    } else {
      const float r = (t - time_of(run.sigmas[i - 1])) / h;
      const float change = torch_expm1(-h) * (1 / (2 * r));
      x = ops::map([=](auto v, auto d, auto u, auto old) { return d + (-keep * u - change * (d - old)) + keep * v; }, x,
                   denoised, uncond, last);
    }
    last = uncond;
  }
  return x;
}

}  // namespace easel::sampling
