// UniPC (Zhao et al. 2023): a multistep predictor, corrected by the prediction made at the point that it reached.
#include <algorithm>
#include <array>
#include <deque>

#include "sampling/samplers/all.h"

namespace easel::sampling {
namespace {

constexpr size_t kMaxOrder = 3;
constexpr float kSmallestSigma = 0.001f;  // used in place of 0, where the half log-SNR is infinite

// The solver works on the variance-preserving form of x: alpha * picture + deviation * noise.
float log_alpha(float sigma) { return 0.5f * torch_log(1 / (sigma * sigma + 1)); }
float alpha(float sigma) { return torch_exp(log_alpha(sigma)); }
float deviation(float sigma) { return std::sqrt(1 - torch_exp(2 * log_alpha(sigma))); }
float half_log_snr(float sigma) {
  const float log_mean = log_alpha(sigma);
  return log_mean - 0.5f * torch_log(1 - torch_exp(2 * log_mean));
}

struct Point {
  float sigma;
  Tensor picture;  // as predicted at sigma
};

using Vector = std::array<float, kMaxOrder>;

// Solves the n x n system by Gaussian elimination with row exchange, in f32 as the reference does.
Vector solve(std::array<Vector, kMaxOrder> a, Vector b, size_t n) {
  for (size_t column = 0; column < n; ++column) {
    size_t pivot = column;
    for (size_t row = column + 1; row < n; ++row) {
      if (std::fabs(a[row][column]) > std::fabs(a[pivot][column])) pivot = row;
    }
    std::swap(a[pivot], a[column]);
    std::swap(b[pivot], b[column]);
    const float reciprocal = 1 / a[column][column];
    for (size_t row = column + 1; row < n; ++row) {
      const float factor = a[row][column] * reciprocal;
      for (size_t k = column + 1; k < n; ++k) a[row][k] -= factor * a[column][k];
      b[row] -= factor * b[column];
    }
  }
  for (size_t row = n; row-- > 0;) {
    for (size_t k = row + 1; k < n; ++k) b[row] -= a[row][k] * b[k];
    b[row] /= a[row][row];
  }
  return b;
}

class UniPc {
 public:
  UniPc(const SamplerRun& run, bool exponential_b) : run_(run), exponential_b_(exponential_b) {}

  Tensor predict(const Tensor& x, float sigma) const {
    const float scale = std::sqrt(sigma * sigma + 1), std_t = deviation(sigma), alpha_t = alpha(sigma);
    const Tensor full = ops::map([=](auto v) { return v * scale; }, x);
    return ops::map([=](auto v, auto f, auto d) { return (v - std_t * ((f - d) / sigma)) / alpha_t; }, x, full,
                    run_.evaluate(full, sigma));
  }

  // Moves x from the newest point of `history` to `sigma`. With `correct`, the model is evaluated there, the step is
  // repeated with its prediction, and the prediction is stored in `picture`.
  Tensor step(const Tensor& x, const std::deque<Point>& history, float sigma, size_t order, bool correct,
              Tensor* picture) const {
    const Point& start = history.back();
    const float lambda = half_log_snr(start.sigma), h = half_log_snr(sigma) - lambda;
    Vector ratios{};
    std::array<Tensor, kMaxOrder> slopes;  // differences from earlier predictions, divided by their ratios
    for (size_t i = 1; i < order; ++i) {
      const Point& earlier = history[history.size() - 1 - i];
      const float r = (half_log_snr(earlier.sigma) - lambda) / h;
      ratios[i - 1] = r;
      slopes[i - 1] = ops::map([=](auto m, auto m0) { return (m - m0) / r; }, earlier.picture, start.picture);
    }
    ratios[order - 1] = 1;
    const Coefficients c = coefficients(ratios, -h, order);

    const float keep = deviation(sigma) / deviation(start.sigma), alpha_t = alpha(sigma);
    const float gain = alpha_t * c.growth, weight = alpha_t * c.b_h;
    const Tensor base = ops::map([=](auto v, auto m) { return keep * v - gain * m; }, x, start.picture);
    Tensor predicted = finish(base, weight, weighted_sum(slopes, c.predictor, order - 1));
    if (!correct) return predicted;

    *picture = predict(predicted, sigma);
    const float last = c.corrector[order - 1];
    Tensor correction = ops::map([=](auto m, auto m0) { return last * (m - m0); }, *picture, start.picture);
    const Tensor earlier = weighted_sum(slopes, c.corrector, order - 1);
    if (earlier.defined()) correction = ops::map([](auto e, auto n) { return e + n; }, earlier, correction);
    return finish(base, weight, correction);
  }

 private:
  struct Coefficients {
    float growth, b_h;
    Vector predictor{}, corrector{};
  };

  Coefficients coefficients(const Vector& ratios, float hh, size_t order) const {
    Coefficients c{};
    c.growth = torch_expm1(hh);
    c.b_h = exponential_b_ ? c.growth : hh;
    std::array<Vector, kMaxOrder> r{};
    Vector b{};
    float phi = c.growth / hh - 1;
    float factorial = 1;
    for (size_t i = 0; i < order; ++i) {
      for (size_t k = 0; k < order; ++k) r[i][k] = i == 0 ? 1 : r[i - 1][k] * ratios[k];
      b[i] = phi * factorial / c.b_h;
      factorial *= static_cast<float>(i + 2);
      phi = phi / hh - 1 / factorial;
    }
    // The lowest orders have closed forms, exact to the order of the method.
    if (order == 2) c.predictor[0] = 0.5f;
    if (order > 2) c.predictor = solve(r, b, order - 1);
    if (order == 1) c.corrector[0] = 0.5f;
    if (order > 1) c.corrector = solve(r, b, order);
    return c;
  }

  static Tensor weighted_sum(const std::array<Tensor, kMaxOrder>& slopes, const Vector& weights, size_t count) {
    if (count == 0) return Tensor();
    const float w0 = weights[0], w1 = weights[1];
    if (count == 1) return ops::map([=](auto a) { return w0 * a; }, slopes[0]);
    return ops::map([=](auto a, auto b) { return w0 * a + w1 * b; }, slopes[0], slopes[1]);
  }

  static Tensor finish(const Tensor& base, float weight, const Tensor& correction) {
    if (!correction.defined()) return base;
    return ops::map([=](auto v, auto c) { return v - weight * c; }, base, correction);
  }

  const SamplerRun& run_;
  bool exponential_b_;
};

Tensor sample(SamplerRun& run, bool exponential_b) {
  if (run.sigmas.size() <= 1) return run.x;
  std::vector<float> sigmas = run.sigmas;
  if (sigmas.back() == 0) sigmas.back() = kSmallestSigma;
  const size_t steps = sigmas.size() - 1, order = std::min(kMaxOrder, steps - 1);
  const UniPc solver(run, exponential_b);

  const float first_scale = std::sqrt(1 + sigmas[0] * sigmas[0]);
  Tensor x = ops::map([=](auto v) { return v / first_scale; }, run.x);
  std::deque<Point> history = {{sigmas[0], solver.predict(x, sigmas[0])}};
  run.report(0, x, sigmas[0], history.back().picture);
  for (size_t i = 1; order > 0 && i <= steps; ++i) {
    // The order grows with the history and shrinks again towards the end; the last point is not corrected.
    const size_t step_order = std::min({i, order, steps + 1 - i});
    const bool last = i == steps;
    Tensor picture;
    x = solver.step(x, history, sigmas[i], step_order, !last, &picture);
    if (last) break;
    history.push_back({sigmas[i], picture});
    if (history.size() > order) history.pop_front();
    run.report(static_cast<int>(i), x, sigmas[i], picture);
  }
  const float last_alpha = alpha(sigmas.back());
  return ops::map([=](auto v) { return v / last_alpha; }, x);
}

}  // namespace

Tensor sample_uni_pc(SamplerRun& run) { return sample(run, false); }
Tensor sample_uni_pc_bh2(SamplerRun& run) { return sample(run, true); }

}  // namespace easel::sampling
