// SA-Solver (Xue et al. 2023): Adams methods for the stochastic equation, in the half log-SNR lambda = -log(sigma).
#include <algorithm>
#include <array>
#include <deque>

#include "sampling/samplers/all.h"

namespace easel::sampling {
namespace {

// Solves the small dense system a x = b by Gaussian elimination with row exchange.
std::vector<double> solve(std::vector<std::vector<double>> a, std::vector<double> b) {
  const size_t n = b.size();
  for (size_t c = 0; c < n; ++c) {
    size_t pivot = c;
    for (size_t r = c + 1; r < n; ++r) {
      if (std::fabs(a[r][c]) > std::fabs(a[pivot][c])) pivot = r;
    }
    std::swap(a[pivot], a[c]);
    std::swap(b[pivot], b[c]);
    for (size_t r = c + 1; r < n; ++r) {
      const double factor = a[r][c] / a[c][c];
      for (size_t k = c; k < n; ++k) a[r][k] -= factor * a[c][k];
      b[r] -= factor * b[c];
    }
  }
  for (size_t r = n; r-- > 0;) {
    for (size_t k = r + 1; k < n; ++k) b[r] -= a[r][k] * b[k];
    b[r] /= a[r][r];
  }
  return b;
}

// Weights of the predictions made at the times `points`, for a step from s to t with stochasticity tau: the Lagrange
// polynomials through the points, integrated against the exponential of the exact solution (eqs. 15 and 18).
std::vector<double> step_weights(const std::vector<double>& points, double s, double t, double tau) {
  const size_t n = points.size();
  const double growth = 1 + tau * tau, decay = std::exp(-growth * (t - s));
  // Moments: growth * integral of e^(growth (x - t)) x^p, by parts.
  std::vector<double> moments(n);
  std::vector<std::vector<double>> powers(n, std::vector<double>(n));
  for (size_t p = 0; p < n; ++p) {
    const auto power = static_cast<double>(p);
    moments[p] = std::pow(t, power) - std::pow(s, power) * decay;
    if (p > 0) moments[p] -= power / growth * moments[p - 1];
    for (size_t k = 0; k < n; ++k) powers[p][k] = std::pow(points[k], power);
  }
  return solve(std::move(powers), std::move(moments));
}

// The same for two points, to the second order only (the paper's appendix D): the end of the step is the second point
// in a correction, its start in a prediction.
std::vector<double> simple_weights(const std::vector<double>& points, double s, double t, double tau) {
  const double growth = 1 + tau * tau, h = t - s, all = -std::expm1(-growth * h);
  if (points.back() == t) return {all - 0.5 * growth * h, 0.5 * growth * h};
  const double older = 0.5 * growth * h * h / (points.front() - s);
  return {older, all - older};
}

// The predictions so far and the times they belong to.
class History {
 public:
  History(const std::vector<float>& sigmas, size_t longest, bool simple)
      : sigmas_(sigmas), longest_(longest), simple_(simple) {}

  void add(const Tensor& prediction) {
    predictions_.push_back(prediction);
    if (predictions_.size() > longest_) predictions_.pop_front();
  }
  void replace_last(const Tensor& prediction) { predictions_.back() = prediction; }
  size_t size() const { return predictions_.size(); }
  double lambda(size_t i) const { return -std::log(static_cast<double>(sigmas_[i])); }
  double step(size_t to) const { return lambda(to) - lambda(to - 1); }

  // x moved from level to - 1 to level `to`, without fresh noise, by the newest `order` predictions; the last of them
  // was made at level `newest`.
  Tensor advance(const Tensor& x, size_t to, size_t newest, size_t order, double tau) const {
    std::vector<double> points;
    for (size_t i = newest + 1 - order; i <= newest; ++i) points.push_back(lambda(i));
    const std::vector<double> weights = simple_ && order == 2 ? simple_weights(points, lambda(to - 1), lambda(to), tau)
                                                              : step_weights(points, lambda(to - 1), lambda(to), tau);
    const auto keep = static_cast<float>(sigmas_[to] / sigmas_[to - 1] * std::exp(-tau * tau * step(to)));
    Tensor out = ops::map([=](auto v) { return keep * v; }, x);
    for (size_t k = 0; k < order; ++k) {
      const auto w = static_cast<float>(weights[k]);
      out = ops::map([=](auto v, auto p) { return v + w * p; }, out, predictions_[predictions_.size() - order + k]);
    }
    return out;
  }

 private:
  const std::vector<float>& sigmas_;
  size_t longest_;
  bool simple_;
  std::deque<Tensor> predictions_;
};

Tensor sa_solver(SamplerRun& run, bool evaluate_twice) {
  const auto& sigmas = run.sigmas;
  if (sigmas.size() <= 1) return run.x;
  TorchGenerator rng(run.seed);
  // Noise is drawn in the middle of the schedule only; the order shrinks towards the end.
  const PathSpan noisy =
      run.knobs.noisy.value_or(PathSpan{.lowest = static_cast<float>(run.levels().percent_to_sigma(0.8)),
                                        .highest = static_cast<float>(run.levels().percent_to_sigma(0.2))});
  const size_t most_predicted = run.knobs.order ? static_cast<size_t>(run.knobs.order) : 3;
  const auto most_corrected = static_cast<size_t>(run.knobs.corrector_order);
  const size_t steps = sigmas.size() - 1;
  const auto limit = [&](size_t order, size_t left) { return sigmas.back() == 0 ? std::min(order, left) : order; };

  History history(sigmas, std::max(most_predicted, most_corrected), run.knobs.simple_order_2);
  Tensor x = run.x, predicted = run.x, noise;
  double tau = 0;
  for (size_t i = 0; i < steps; ++i) {
    const float sigma = sigmas[i], next = sigmas[i + 1];
    Tensor denoised = run.evaluate(predicted, sigma);
    run.report(static_cast<int>(i), predicted, sigma, denoised);
    history.add(denoised);

    if (i == 0 || most_corrected == 0 || (next == 0 && !evaluate_twice)) {
      x = predicted;
    } else {
      const size_t order = limit(std::min(most_corrected, history.size()), steps - i);
      x = history.advance(x, i, i, order, tau);
      if (tau > 0) x = ops::map([](auto v, auto z) { return v + z; }, x, noise);
      if (evaluate_twice) {
        denoised = run.evaluate(x, sigma);
        history.replace_last(denoised);
      }
    }
    if (next == 0) {
      predicted = denoised;
      continue;
    }
    tau = next <= noisy.highest && next >= noisy.lowest ? run.eta() : 0;
    const size_t order = limit(std::min(most_predicted, history.size()), steps - 1 - i);
    predicted = history.advance(x, i + 1, i, order, tau);
    if (tau > 0) {
      const double variance = -std::expm1(-2 * tau * tau * history.step(i + 1));
      const auto scale = static_cast<float>(next * std::sqrt(variance) * run.knobs.s_noise);
      noise = ops::map([=](auto z) { return z * scale; }, rng.randn(x.shape()));
      predicted = ops::map([](auto v, auto z) { return v + z; }, predicted, noise);
    }
  }
  return predicted;
}

}  // namespace

Tensor sample_sa_solver(SamplerRun& run) { return sa_solver(run, false); }
Tensor sample_sa_solver_pece(SamplerRun& run) { return sa_solver(run, true); }

}  // namespace easel::sampling
