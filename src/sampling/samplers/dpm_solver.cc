// DPM-Solver (Lu et al. 2022): exponential integrators of order 1 to 3 in the time t = -log(sigma).
#include <algorithm>
#include <array>
#include <cmath>

#include "ops/arithmetic/reduce.h"
#include "sampling/samplers/all.h"
#include "sampling/schedule/schedule.h"

namespace easel::sampling {
namespace {

// One step from t to t_next. The model's noise predictions at t and at inner points are kept, so that the same
// step can be taken at two orders.
class SolverStep {
 public:
  SolverStep(const SamplerRun& run, const Tensor& x, float t, float t_next)
      : run_(run), x_(x), t_(t), h_(t_next - t), sigma_next_(sigma_of(t_next)), eps_(noise_at(x, t)) {}

  // The picture predicted at the start of the step.
  Tensor denoised() const {
    const float sigma = sigma_of(t_);
    return ops::map([=](auto v, auto e) { return v - sigma * e; }, x_, eps_);
  }

  Tensor first_order() const {
    const float a = sigma_next_ * torch_expm1(h_);
    return ops::map([=](auto v, auto e) { return v - a * e; }, x_, eps_);
  }

  Tensor second_order(double r1) {
    const Tensor& inner = inner_noise(r1);
    const float growth = torch_expm1(h_);
    const float a = sigma_next_ * growth, b = sigma_next_ / static_cast<float>(2 * r1) * growth;
    return ops::map([=](auto v, auto e, auto e1) { return v - a * e - b * (e1 - e); }, x_, eps_, inner);
  }

  Tensor third_order() {
    const double r1 = 1.0 / 3, r2 = 2.0 / 3;
    const Tensor& inner = inner_noise(r1);
    const float step = static_cast<float>(r2) * h_, s2 = t_ + step, growth = torch_expm1(step);
    const float a2 = sigma_of(s2) * growth, b2 = sigma_of(s2) * static_cast<float>(r2 / r1) * (growth / step - 1);
    const Tensor u2 = ops::map([=](auto v, auto e, auto e1) { return v - a2 * e - b2 * (e1 - e); }, x_, eps_, inner);
    const Tensor inner2 = noise_at(u2, s2);
    const float whole = torch_expm1(h_);
    const float a = sigma_next_ * whole, b = sigma_next_ / static_cast<float>(r2) * (whole / h_ - 1);
    return ops::map([=](auto v, auto e, auto e2) { return v - a * e - b * (e2 - e); }, x_, eps_, inner2);
  }

 private:
  Tensor noise_at(const Tensor& x, float t) const {
    const float sigma = sigma_of(t);
    return direction(x, run_.evaluate(x, sigma), sigma);
  }

  const Tensor& inner_noise(double r1) {
    if (!inner_.defined()) {
      const float step = static_cast<float>(r1) * h_, s1 = t_ + step;
      const float a = sigma_of(s1) * torch_expm1(step);
      inner_ = noise_at(ops::map([=](auto v, auto e) { return v - a * e; }, x_, eps_), s1);
    }
    return inner_;
  }

  const SamplerRun& run_;
  Tensor x_;
  float t_, h_, sigma_next_;
  Tensor eps_, inner_;
};

// The times between which the solver runs. It cannot reach level 0, whose time is infinite.
struct Span {
  float start, end;
};
Span solver_span(const SamplerRun& run) {
  const size_t last = run.sigmas.size() - 1;
  const float lowest = run.sigmas[last] == 0 ? run.sigmas[last - 1] : run.sigmas[last];
  return {time_of(run.sigmas[0]), time_of(lowest)};
}

}  // namespace

Tensor sample_dpm_fast(SamplerRun& run) {
  if (run.sigmas.size() <= 1) return run.x;
  const Span span = solver_span(run);
  // As many evaluations as the run has steps: in steps of order 3, with the remainder in lower orders.
  const int evaluations = run.steps(), pieces = evaluations / 3 + 1;
  std::vector<int> orders(static_cast<size_t>(pieces), 3);
  if (evaluations % 3 == 0) {
    orders.back() = 1;
    orders[orders.size() - 2] = 2;
  } else {
    orders.back() = evaluations % 3;
  }
  const std::vector<float> times = torch_linspace(span.start, span.end, pieces + 1);
  Tensor x = run.x;
  for (size_t i = 0; i < orders.size(); ++i) {
    SolverStep step(run, x, times[i], times[i + 1]);
    run.report(static_cast<int>(i), x, sigma_of(times[i]), step.denoised());
    x = orders[i] == 1 ? step.first_order() : orders[i] == 2 ? step.second_order(0.5) : step.third_order();
  }
  return x;
}

namespace {

// Root mean square of (low - high), relative to the tolerance at each element.
double step_error(const Tensor& low, const Tensor& high, const Tensor& previous, const SamplerKnobs& knobs) {
  const auto absolute = static_cast<float>(knobs.atol), relative = static_cast<float>(knobs.rtol);
  const Tensor scaled = ops::map(
      [=](auto l, auto h, auto p) {
        const auto tolerance = max(absolute, relative * max(abs(l), abs(p)));
        return (l - h) / tolerance;
      },
      low, high, previous);
  const Tensor squares = ops::map([](auto v) { return v * v; }, scaled);
  return std::sqrt(static_cast<double>(ops::item(ops::reduce(squares, ops::Reduction::kMean, 0, -1))));
}

// Step sizes from the last three errors (Soderlind 2003). A step changes by a factor of at most 1 +- pi / 2.
class StepControl {
 public:
  StepControl(const SamplerKnobs& knobs, double order)
      : powers_{(knobs.pcoeff + knobs.icoeff + knobs.dcoeff) / order, -(knobs.pcoeff + 2 * knobs.dcoeff) / order,
                knobs.dcoeff / order},
        safety_(knobs.accept_safety) {}

  // The factor by which the step size changes after a step with this error.
  double factor(double error) {
    const double inverse = 1 / (error + 1e-8);
    if (recent_[0] == 0) recent_.fill(inverse);
    recent_[0] = inverse;
    double out = 1;
    for (size_t i = 0; i < recent_.size(); ++i) out *= std::pow(recent_[i], powers_[i]);
    return 1 + std::atan(out - 1);
  }
  // Whether the step is accepted; if so, its error is kept for the next ones.
  bool accept(double factor) {
    if (factor < safety_) return false;
    recent_[2] = recent_[1];
    recent_[1] = recent_[0];
    return true;
  }

 private:
  std::array<double, 3> powers_, recent_{};
  double safety_;
};

}  // namespace

Tensor sample_dpm_adaptive(SamplerRun& run) {
  if (run.sigmas.size() <= 1) return run.x;
  constexpr int kMaxSteps = 10000;
  const SamplerKnobs& knobs = run.knobs;
  const Span span = solver_span(run);
  const int order = knobs.order == 2 ? 2 : 3;
  const float eta = knobs.eta.value_or(0.0f), direction = span.end > span.start ? 1.0f : -1.0f;
  if (eta > 0 && direction < 0)
    throw Error(Fault::kInvalid, "dpm_adaptive can go towards more noise only with eta 0").at_input("eta");
  StepControl control(knobs, eta > 0 ? 1.5 : order);
  Tensor x = run.x, previous = x;
  float t = span.start;
  double h = std::fabs(knobs.h_init);
  for (int i = 0; (span.end - t) * direction > 1e-5f; ++i) {
    const float step_end = t + static_cast<float>(h) * direction;
    const float t_next = (span.end - step_end) * direction > 0 ? step_end : span.end;
    float down = t_next, up = 0;
    if (eta > 0) {
      down = std::min(span.end, time_of(ancestral_step(sigma_of(t), sigma_of(t_next), eta).down));
      up = std::sqrt(sigma_of(t_next) * sigma_of(t_next) - sigma_of(down) * sigma_of(down));
    }
    SolverStep step(run, x, t, down);
    const Tensor low = order == 2 ? step.first_order() : step.second_order(1.0 / 3);
    const Tensor high = order == 2 ? step.second_order(0.5) : step.third_order();
    const double error = step_error(low, high, previous, knobs);
    if (!std::isfinite(error) || i == kMaxSteps) {
      throw Error(Fault::kInvalid, "dpm_adaptive finds no step size: the model's values are not finite, or jump")
          .fix("Use a sampler with fixed steps");
    }
    const double factor = control.factor(error);
    run.report(i, x, sigma_of(t), step.denoised());
    if (control.accept(factor)) {
      previous = low;
      // The reference draws noise even where none is added.
      const Tensor noise = run.noise();
      x = ops::map([fresh = up * knobs.s_noise](auto v, auto z) { return v + fresh * z; }, high, noise);
      t = t_next;
    }
    h *= factor;
  }
  return x;
}

}  // namespace easel::sampling
