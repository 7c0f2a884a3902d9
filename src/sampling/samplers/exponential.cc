// Exponential integrators of the denoised picture that draw their own noise: RES, ER-SDE, SEEDS.
#include <algorithm>
#include <array>

#include "sampling/samplers/all.h"

namespace easel::sampling {
namespace {

Tensor res_multistep(SamplerRun& run, float eta, bool cfg_pp) {
  TorchGenerator rng(run.seed);
  Tensor x = run.x, last;
  float last_down = 0;
  for (size_t i = 0; i + 1 < run.sigmas.size(); ++i) {
    const float sigma = run.sigmas[i], next = run.sigmas[i + 1];
    const Tensor denoised = run.evaluate(x, sigma);
    const Tensor base = cfg_pp ? run.uncond_denoised() : denoised;
    run.report(static_cast<int>(i), x, sigma, denoised);
    const AncestralStep step = ancestral_step(sigma, next, eta);
    if (step.down == 0 || !last.defined()) {
      const float down = step.down, dt = down - sigma;
      x = cfg_pp ? ops::map([=](auto v, auto d, auto u) { return d + (v - u) / sigma * down; }, x, denoised, base)
                 : euler_step(x, denoised, sigma, dt);
    } else {
      const float t = time_of(sigma), h = time_of(step.down) - t;
      const float c2 = (time_of(run.sigmas[i - 1]) - time_of(last_down)) / h;
      const float phi1 = torch_expm1(-h) / -h, phi2 = (phi1 - 1) / -h;
      const float old_part = std::isnan(phi2 / c2) ? 0 : phi2 / c2, new_part = phi1 - old_part;
      const float keep = sigma_of(h);
      if (cfg_pp) x = ops::map([](auto v, auto d, auto u) { return v + (d - u); }, x, denoised, base);
      x = ops::map([=](auto v, auto d, auto old) { return keep * v + h * (new_part * d + old_part * old); }, x, base,
                   last);
    }
    if (next > 0 && eta > 0) x = add_scaled(x, rng.randn(x.shape()), run.knobs.s_noise * step.up);
    last = base;
    last_down = step.down;
  }
  return x;
}

}  // namespace

Tensor sample_res_multistep(SamplerRun& run) { return res_multistep(run, 0, false); }
Tensor sample_res_multistep_cfg_pp(SamplerRun& run) { return res_multistep(run, 0, true); }
Tensor sample_res_multistep_ancestral(SamplerRun& run) { return res_multistep(run, run.eta(), false); }
Tensor sample_res_multistep_ancestral_cfg_pp(SamplerRun& run) { return res_multistep(run, run.eta(), true); }

namespace {

// How fast the noise scale grows with the level: as in the reverse SDE, or the paper's fifth choice; eta 0 is the ODE.
double er_scale(double sigma, double eta, bool reverse_time) {
  return sigma * std::pow(reverse_time ? sigma : std::exp(std::pow(sigma, 0.3)) + 10.0, eta);
}

}  // namespace

Tensor sample_er_sde(SamplerRun& run) {
  constexpr int kPoints = 200;
  const auto scale = [&](double sigma) { return er_scale(sigma, run.eta(), run.knobs.reverse_time); };
  const size_t order = run.knobs.order ? static_cast<size_t>(run.knobs.order) : 3;
  TorchGenerator rng(run.seed);
  Tensor x = run.x, last, last_slope;
  for (size_t i = 0; i + 1 < run.sigmas.size(); ++i) {
    const double s = run.sigmas[i], t = run.sigmas[i + 1];
    const Tensor denoised = run.evaluate(x, run.sigmas[i]);
    run.report(static_cast<int>(i), x, run.sigmas[i], denoised);
    if (t == 0) {
      x = denoised;
      last = denoised;
      continue;
    }
    const double r = scale(t) / scale(s), dt = t - s;
    const auto keep = static_cast<float>(r), gain = static_cast<float>(1 - r);
    x = ops::map([=](auto v, auto d) { return keep * v + gain * d; }, x, denoised);
    if (order > 1 && last.defined()) {
      double sum = 0, moment = 0;  // integrals of 1 / scale and of (sigma - s) / scale from t to s
      for (int k = 0; k < kPoints; ++k) {
        const double at = t - k * dt / kPoints;
        sum -= dt / kPoints / scale(at);
        moment -= dt / kPoints * (at - s) / scale(at);
      }
      const double span = s - run.sigmas[i - 1];
      const auto slope_weight = static_cast<float>(dt + sum * scale(t));
      const auto per_sigma = static_cast<float>(span);
      const Tensor slope = ops::map([=](auto d, auto old) { return (d - old) / per_sigma; }, denoised, last);
      x = ops::map([=](auto v, auto d) { return v + slope_weight * d; }, x, slope);
      if (order > 2 && last_slope.defined()) {
        const auto half_span = static_cast<float>((s - run.sigmas[i - 2]) / 2);
        const auto bend_weight = static_cast<float>(dt * dt / 2 + moment * scale(t));
        x = ops::map([=](auto v, auto d, auto old) { return v + bend_weight * ((d - old) / half_span); }, x, slope,
                     last_slope);
      }
      last_slope = slope;
    }
    const double variance = std::max(0.0, t * t - s * s * r * r);
    if (run.knobs.s_noise > 0)
      x = add_scaled(x, rng.randn(x.shape()), run.knobs.s_noise * static_cast<float>(std::sqrt(variance)));
    last = denoised;
  }
  return x;
}

namespace {

// A SEEDS step from sigma at time t over h, in stages that share one noise path: the noise of each stage is the damped
// noise of the previous stage plus new noise for the interval between them.
class SeedsStep {
 public:
  SeedsStep(SamplerRun& run, TorchGenerator& rng, const Tensor& x, float sigma, float next)
      : run_(run), rng_(rng), x_(x), sigma_(sigma), t_(time_of(sigma)), h_(time_of(next) - t_) {}

  float level(float r) const { return sigma_of(t_ + (h_ * r)); }
  float h_eta() const { return h_ * (run_.eta() + 1); }

  // The state at fraction r of the step, at level `sigma`; `drift` is the contribution of the predictions.
  Tensor stage(float r, float sigma, const Tensor& drift) {
    const float keep = sigma / sigma_ * torch_exp(-r * h_ * run_.eta());
    Tensor state = ops::map([=](auto v, auto d) { return keep * v - d; }, x_, drift);
    if (run_.eta() <= 0 || run_.knobs.s_noise <= 0) return state;
    const float stretch = (at_ - r) * h_ * run_.eta(), fresh = std::sqrt(-torch_expm1(2 * stretch));
    const Tensor z = rng_.randn(x_.shape());
    const float damping = torch_exp(stretch);
    noise_ = noise_.defined() ? ops::map([=](auto old, auto n) { return old * damping + fresh * n; }, noise_, z)
                              : ops::map([=](auto n) { return fresh * n; }, z);
    at_ = r;
    return add_scaled(state, noise_, sigma * run_.knobs.s_noise);
  }

 private:
  SamplerRun& run_;
  TorchGenerator& rng_;
  Tensor x_, noise_;
  float sigma_, t_, h_;
  float at_ = 0;
};

Tensor scaled(const Tensor& t, float by) {
  return ops::map([=](auto v) { return by * v; }, t);
}
Tensor combined(const Tensor& a, float wa, const Tensor& b, float wb) {
  return ops::map([=](auto u, auto v) { return wa * u + wb * v; }, a, b);
}
float phi2(float h) { return (torch_expm1(h) - h) / h; }

template <class Step>
Tensor seeds(SamplerRun& run, const Step& take) {
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
    SeedsStep step(run, rng, x, sigma, next);
    x = take(step, denoised, next);
  }
  return x;
}

}  // namespace

Tensor sample_seeds_2(SamplerRun& run) {
  return seeds(run, [&](SeedsStep& step, const Tensor& denoised, float next) {
    const float r = run.knobs.r, middle = step.level(r), h = step.h_eta(), whole = torch_expm1(-h);
    const Tensor on_the_way = step.stage(r, middle, scaled(denoised, torch_expm1(-r * h)));
    const Tensor denoised2 = run.evaluate(on_the_way, middle);
    if (run.knobs.phi_2) {
      const float b2 = phi2(-h) / r;
      return step.stage(1, next, combined(denoised, whole - b2, denoised2, b2));
    }
    // At r = 1/2 the second prediction alone represents the whole step.
    if (r == 0.5f) return step.stage(1, next, scaled(denoised2, whole));
    const float share = 1 / (2 * r);
    return step.stage(1, next, combined(denoised, whole * (1 - share), denoised2, whole * share));
  });
}

Tensor sample_seeds_3(SamplerRun& run) {
  return seeds(run, [&](SeedsStep& step, const Tensor& denoised, float next) {
    const float r1 = 1.0f / 3, r2 = 2.0f / 3, h = step.h_eta();
    const float level1 = step.level(r1), level2 = step.level(r2);
    const Tensor x2 = step.stage(r1, level1, scaled(denoised, torch_expm1(-r1 * h)));
    const Tensor denoised2 = run.evaluate(x2, level1);
    const float a2 = 2 * phi2(-r2 * h);
    const Tensor x3 = step.stage(r2, level2, combined(denoised, torch_expm1(-r2 * h) - a2, denoised2, a2));
    const Tensor denoised3 = run.evaluate(x3, level2);
    const float b3 = phi2(-h) / r2;
    return step.stage(1, next, combined(denoised, torch_expm1(-h) - b3, denoised3, b3));
  });
}

}  // namespace easel::sampling
