// Samplers that replace part of the noise at each step by noise drawn from the run's generator.
#include <algorithm>
#include <string>

#include "base/error.h"
#include "sampling/samplers/all.h"

namespace easel::sampling {
namespace {

// Euler for models that fade the picture: a step goes below the next level, the picture is then faded to that level,
// and the noise that it lacks is added (ComfyUI's form for rectified flow).
Tensor euler_ancestral_fading(SamplerRun& run) {
  const ModelSampling& levels = run.levels();
  Tensor x = run.x;
  for (int i = 0; i < run.steps(); ++i) {
    const float sigma = run.sigmas[static_cast<size_t>(i)], next = run.sigmas[static_cast<size_t>(i) + 1];
    const Tensor denoised = run.evaluate(x, sigma);
    run.report(i, x, sigma, denoised);
    if (next == 0) {
      x = denoised;
      continue;
    }
    const float eta = run.eta(), down = next * (1 + (next / sigma - 1) * eta);
    x = euler_step(x, denoised, sigma, down - sigma);
    if (eta == 0) continue;
    const float fade = levels.signal(next) / levels.signal(down);
    const float fresh = run.knobs.s_noise * std::sqrt(std::max(0.0f, next * next - down * down * fade * fade));
    x = ops::map([=](auto v, auto z) { return fade * v + fresh * z; }, x, run.noise());
  }
  return x;
}

}  // namespace

Tensor sample_euler_ancestral(SamplerRun& run) {
  if (run.model && run.model->fades()) return euler_ancestral_fading(run);
  Tensor x = run.x;
  for (int i = 0; i < run.steps(); ++i) {
    const float sigma = run.sigmas[static_cast<size_t>(i)], next = run.sigmas[static_cast<size_t>(i) + 1];
    const Tensor denoised = run.evaluate(x, sigma);
    run.report(i, x, sigma, denoised);
    const AncestralStep step = ancestral_step(sigma, next, run.eta());
    x = euler_step(x, denoised, sigma, step.down - sigma);
    if (next > 0) x = add_noise(x, run.noise(), run.knobs.s_noise, step.up);
  }
  return x;
}

Tensor sample_dpm_2_ancestral(SamplerRun& run) {
  Tensor x = run.x;
  for (int i = 0; i < run.steps(); ++i) {
    const float sigma = run.sigmas[static_cast<size_t>(i)], next = run.sigmas[static_cast<size_t>(i) + 1];
    const Tensor denoised = run.evaluate(x, sigma);
    run.report(i, x, sigma, denoised);
    const AncestralStep step = ancestral_step(sigma, next, run.eta());
    const float dt = step.down - sigma;
    if (step.down == 0) {
      x = euler_step(x, denoised, sigma, dt);
      continue;
    }
    const float log_down = torch_log(step.down);
    const float middle = torch_exp(log_down - (log_down - torch_log(sigma)) * 0.5f);
    const Tensor half_way = euler_step(x, denoised, sigma, middle - sigma);
    const Tensor denoised2 = run.evaluate(half_way, middle);
    x = ops::map([=](auto v, auto h, auto d) { return v + (h - d) / middle * dt; }, x, half_way, denoised2);
    x = add_noise(x, run.noise(), run.knobs.s_noise, step.up);
  }
  return x;
}

Tensor sample_dpmpp_2s_ancestral(SamplerRun& run) {
  Tensor x = run.x;
  for (int i = 0; i < run.steps(); ++i) {
    const float sigma = run.sigmas[static_cast<size_t>(i)], next = run.sigmas[static_cast<size_t>(i) + 1];
    const Tensor denoised = run.evaluate(x, sigma);
    run.report(i, x, sigma, denoised);
    const AncestralStep step = ancestral_step(sigma, next, run.eta());
    if (step.down == 0) {
      x = euler_step(x, denoised, sigma, step.down - sigma);
    } else {
      const float t = time_of(sigma), t_next = time_of(step.down);
      const float h = t_next - t, middle = sigma_of(t + 0.5f * h), start = sigma_of(t);
      const float keep = middle / start, gain = torch_expm1(-h * 0.5f);
      const Tensor half_way = ops::map([=](auto v, auto d) { return keep * v - gain * d; }, x, denoised);
      const Tensor denoised2 = run.evaluate(half_way, middle);
      const float keep2 = sigma_of(t_next) / start, gain2 = torch_expm1(-h);
      x = ops::map([=](auto v, auto d) { return keep2 * v - gain2 * d; }, x, denoised2);
    }
    if (next > 0) x = add_noise(x, run.noise(), run.knobs.s_noise, step.up);
  }
  return x;
}

Tensor sample_ddpm(SamplerRun& run) {
  Tensor x = run.x;
  for (int i = 0; i < run.steps(); ++i) {
    const float sigma = run.sigmas[static_cast<size_t>(i)], next = run.sigmas[static_cast<size_t>(i) + 1];
    const Tensor denoised = run.evaluate(x, sigma);
    run.report(i, x, sigma, denoised);
    // In the variance-preserving form x / sqrt(1 + sigma^2), with the predicted noise subtracted.
    const float product = 1 / (sigma * sigma + 1), product_next = 1 / (next * next + 1);
    const float alpha = product / product_next, beta = 1 - alpha;
    const float scale = std::sqrt(1 + sigma * sigma), stretch = std::sqrt(1 / alpha);
    const float deviation = std::sqrt(1 - product);
    x = ops::map([=](auto v, auto d) { return stretch * (v / scale - beta * ((v - d) / sigma) / deviation); }, x,
                 denoised);
    if (next > 0) {
      const float fresh = std::sqrt(beta * (1 - product_next) / (1 - product)), back = std::sqrt(1 + next * next);
      x = ops::map([=](auto v, auto z) { return (v + fresh * z) * back; }, x, run.noise());
    }
  }
  return x;
}

Tensor sample_lcm(SamplerRun& run) {
  Tensor x = run.x;
  for (int i = 0; i < run.steps(); ++i) {
    const float sigma = run.sigmas[static_cast<size_t>(i)], next = run.sigmas[static_cast<size_t>(i) + 1];
    const Tensor denoised = run.evaluate(x, sigma);
    run.report(i, x, sigma, denoised);
    x = denoised;
    if (next > 0) x = run.levels().add_noise(x, run.noise(), next);
  }
  return x;
}

Tensor sample_lcm_upscale(SamplerRun& run) {
  if (!run.knobs.resize) throw Error(Fault::kInternal, "the sampler lcm_upscale was not told how to resize");
  const int levels = run.steps() + 1;
  const int sizes = run.knobs.upscale_steps < 0 ? std::max(levels / 2, 1) : std::min(run.knobs.upscale_steps, levels);
  const auto height = static_cast<double>(run.x.dim(1)), width = static_cast<double>(run.x.dim(2));
  Tensor x = run.x;
  for (int i = 0; i < run.steps(); ++i) {
    const float sigma = run.sigmas[static_cast<size_t>(i)], next = run.sigmas[static_cast<size_t>(i) + 1];
    const Tensor denoised = run.evaluate(x, sigma);
    run.report(i, x, sigma, denoised);
    x = denoised;
    if (i < sizes) {
      const double total = run.knobs.total_upscale, step = (total - 1.0) / sizes;
      const double factor = i + 1 == sizes ? total : 1.0 + (i + 1) * step;
      const auto side = [&](double length) { return static_cast<int64_t>(std::nearbyint(length * factor)); };
      x = run.knobs.resize(x, side(height), side(width));
    }
    if (next > 0) x = ops::map([=](auto v, auto n) { return v + next * n; }, x, run.rng->randn(x.shape()));
  }
  return x;
}

Tensor sample_tcd(SamplerRun& run) {
  const std::vector<float>& alphas = run.knobs.alphas;
  if (alphas.size() < run.sigmas.size())
    throw Error(Fault::kMismatch, "the sampler tcd was set up for " + std::to_string(alphas.size()) +
                                      " noise levels and is given " + std::to_string(run.sigmas.size()))
        .fix("Use the SIGMAS of the node that its SAMPLER comes from");
  Tensor x = run.x;
  for (int i = 0; i < run.steps(); ++i) {
    const float sigma = run.sigmas[static_cast<size_t>(i)], next = run.sigmas[static_cast<size_t>(i) + 1];
    const Tensor denoised = run.evaluate(x, sigma);
    const float alpha = alphas[static_cast<size_t>(i) + 1], signal = std::sqrt(alpha), noise = std::sqrt(1 - alpha);
    const Tensor below = ops::map([=](auto v, auto d) { return signal * d + noise * ((v - d) / sigma); }, x, denoised);
    run.report(i, x, sigma, below);
    if (run.eta() > 0 && next > 0) {
      const float fresh = std::sqrt(std::max(next * next + 1 - 1 / alpha, 0.0f));
      x = ops::map([=](auto v, auto z) { return v / signal + z * fresh; }, below, run.noise());
    } else {
      const float scale = std::sqrt(next * next + 1);
      x = ops::map([=](auto v) { return v * scale; }, below);
    }
  }
  return x;
}

}  // namespace easel::sampling
