// The options that nodes of their own give to samplers, against the samplers' formulas in f64.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "golden.h"
#include "sampling/sampler.h"
#include "sampling/schedule/discrete_sampling.h"

namespace easel::sampling {
namespace {

using Numbers = std::vector<double>;

constexpr uint64_t kSeed = 11;
const Shape kShape{1, 2, 3, 4};

double picture_of(double x, double sigma) { return x / (1 + sigma * sigma) + 0.3 * std::tanh(x) / (1 + sigma); }
double uncond_of(double x, double sigma) { return x / (1 + sigma * sigma); }

Tensor map(const Tensor& x, float sigma, double (*of)(double, double)) {
  Tensor out(x.shape());
  for (int64_t i = 0; i < x.numel(); ++i)
    out.f32()[i] = static_cast<float>(of(static_cast<double>(x.f32()[i]), static_cast<double>(sigma)));
  return out;
}

Tensor start(float sigma) {
  Tensor x(kShape);
  for (int64_t i = 0; i < x.numel(); ++i)
    x.f32()[i] = sigma * static_cast<float>(std::sin(1.7 * static_cast<double>(i)));
  return x;
}

Numbers numbers(const Tensor& t) { return {t.f32(), t.f32() + t.numel()}; }

Tensor sampled(const char* name, const std::vector<float>& sigmas, const SamplerKnobs& knobs) {
  const DiscreteSampling model(testing::kPublishedBetas, Prediction::kEps);
  SamplerRun run;
  run.x = start(sigmas[0]);
  run.sigmas = sigmas;
  run.seed = kSeed;
  run.model = &model;
  run.knobs = knobs;
  Tensor uncond;
  run.denoise = [&](const Tensor& x, float sigma) {
    uncond = map(x, sigma, uncond_of);
    return map(x, sigma, picture_of);
  };
  run.uncond_denoised = [&] { return uncond; };
  return find_sampler(name).run(run);
}

// All values of a state at once, in f64.
Numbers each(size_t n, const std::function<double(size_t)>& value) {
  Numbers out(n);
  for (size_t k = 0; k < n; ++k) out[k] = value(k);
  return out;
}
Numbers predicted(const Numbers& x, double sigma) {
  return each(x.size(), [&](size_t k) { return picture_of(x[k], sigma); });
}

void expect_near(const Tensor& result, const Numbers& expected, double tolerance) {
  ASSERT_EQ(result.numel(), static_cast<int64_t>(expected.size()));
  for (size_t k = 0; k < expected.size(); ++k)
    EXPECT_NEAR(result.f32()[k], expected[k], tolerance * (1 + std::fabs(expected[k]))) << k;
}

const std::vector<float> kToZero{14.6f, 6.1f, 2.2f, 0.7f, 0.17f, 0.03f, 0};
const std::vector<float> kPart{9.0f, 4.0f, 2.0f, 1.1f, 0.6f, 0.35f};

TEST(SamplerOptions, EulerPpStepsFromTheStateThatGuidanceMoved) {
  Numbers x = numbers(start(kToZero[0]));
  for (size_t i = 0; i + 1 < kToZero.size(); ++i) {
    const double sigma = kToZero[i], next = kToZero[i + 1];
    x = each(x.size(), [&](size_t k) {
      const double moved = x[k] - picture_of(x[k], sigma) + uncond_of(x[k], sigma);
      return x[k] + (moved - picture_of(x[k], sigma)) / sigma * (next - sigma);
    });
  }
  expect_near(sampled("euler_pp", kToZero, {}), x, 1e-5);
}

// Steps of a noise scale, with its integrals summed at 200 points from the lower end, as the paper's authors do.
Numbers er_sde(const std::vector<float>& sigmas, const std::function<double(double)>& scale, int order,
               double s_noise) {
  TorchGenerator rng(kSeed);
  Numbers x = numbers(start(sigmas[0])), last, last_slope;
  for (size_t i = 0; i + 1 < sigmas.size(); ++i) {
    const double s = sigmas[i], t = sigmas[i + 1];
    const Numbers d = predicted(x, s);
    if (t == 0) return d;
    const double r = scale(t) / scale(s);
    double first = t - s, second = (t - s) * (t - s) / 2;
    for (int p = 0; p < 200; ++p) {
      const double width = (s - t) / 200, at = t + p * width;
      first += width / scale(at) * scale(t);
      second += width * (at - s) / scale(at) * scale(t);
    }
    Numbers slope;
    if (order > 1 && i > 0) slope = each(x.size(), [&](size_t k) { return (d[k] - last[k]) / (s - sigmas[i - 1]); });
    const Tensor z = s_noise > 0 ? rng.randn(kShape) : Tensor::zeros(kShape);
    const double deviation = s_noise * std::sqrt(std::max(0.0, t * t - s * s * r * r));
    x = each(x.size(), [&](size_t k) {
      double out = r * x[k] + (1 - r) * d[k] + deviation * static_cast<double>(z.f32()[k]);
      if (!slope.empty()) out += first * slope[k];
      if (order > 2 && !last_slope.empty())
        out += second * (slope[k] - last_slope[k]) / ((s - static_cast<double>(sigmas[i - 2])) / 2);
      return out;
    });
    last = d;
    last_slope = slope;
  }
  return x;
}

TEST(SamplerOptions, ErSdeHasThreeEquationsAndThreeOrders) {
  const auto er = [](double eta) {
    return [eta](double v) { return v * std::pow(std::exp(std::pow(v, 0.3)) + 10, eta); };
  };
  const auto reverse = [](double eta) { return [eta](double v) { return std::pow(v, eta + 1); }; };
  for (const int order : {1, 2, 3}) {
    for (const auto& sigmas : {kToZero, kPart}) {
      SCOPED_TRACE(order);
      expect_near(sampled("er_sde", sigmas, {.eta = 0.6f, .s_noise = 0.9f, .order = order}),
                  er_sde(sigmas, er(static_cast<double>(0.6f)), order, static_cast<double>(0.9f)), 1e-4);
      expect_near(sampled("er_sde", sigmas, {.eta = 0.6f, .order = order, .reverse_time = true}),
                  er_sde(sigmas, reverse(static_cast<double>(0.6f)), order, 1), 1e-4);
      expect_near(sampled("er_sde", sigmas, {.eta = 0.0f, .s_noise = 0.0f, .order = order}),
                  er_sde(sigmas, reverse(0), order, 0), 1e-4);
    }
  }
}

// Each point's Lagrange polynomial against growth * e^(growth (v - t)) from s to t, by Simpson's rule.
Numbers adams_weights(const Numbers& points, double s, double t, double tau) {
  const double growth = 1 + tau * tau;
  constexpr int kPieces = 2000;
  return each(points.size(), [&](size_t j) {
    double sum = 0;
    for (int p = 0; p <= kPieces; ++p) {
      const double v = s + (t - s) * p / kPieces;
      double value = growth * std::exp(growth * (v - t));
      for (size_t m = 0; m < points.size(); ++m)
        if (m != j) value *= (v - points[m]) / (points[j] - points[m]);
      sum += value * (p == 0 || p == kPieces ? 1 : p % 2 ? 4 : 2);
    }
    return sum * (t - s) / kPieces / 3;
  });
}

struct Adams {
  size_t predictor, corrector;
  bool twice, simple;
};

Numbers sa_solver(const std::vector<float>& sigmas, const Adams& how, double eta, PathSpan noisy) {
  TorchGenerator rng(kSeed);
  const size_t steps = sigmas.size() - 1;
  const auto lambda = [&](size_t i) { return -std::log(static_cast<double>(sigmas[i])); };
  std::vector<Numbers> seen;
  Numbers x, ahead = numbers(start(sigmas[0])), noise(ahead.size());
  double tau = 0;
  // From level `to` - 1 to level `to` by the predictions up to that of level `newest`.
  const auto moved = [&](size_t to, size_t newest, size_t order) {
    Numbers points;
    for (size_t i = newest + 1 - order; i <= newest; ++i) points.push_back(lambda(i));
    const double s = lambda(to - 1), t = lambda(to), growth = 1 + tau * tau;
    Numbers weights = adams_weights(points, s, t, tau);
    if (how.simple && order == 2) {
      const double all = 1 - std::exp(-growth * (t - s));
      const double other = newest == to ? all - growth * (t - s) / 2 : growth * (t - s) * (t - s) / 2 / (points[0] - s);
      weights = {other, all - other};
    }
    return each(x.size(), [&](size_t k) {
      double out = std::exp(-(t - s)) * std::exp(-tau * tau * (t - s)) * x[k] + noise[k];
      for (size_t j = 0; j < order; ++j) out += weights[j] * seen[newest + 1 - order + j][k];
      return out;
    });
  };
  for (size_t i = 0; i < steps; ++i) {
    const double next = sigmas[i + 1];
    seen.push_back(predicted(ahead, sigmas[i]));
    size_t predictor = std::min(how.predictor, i + 1), corrector = std::min(how.corrector, i + 1);
    if (sigmas.back() == 0) {
      predictor = std::min(predictor, steps - 1 - i);
      corrector = std::min(corrector, steps - i);
    }
    if (i == 0 || corrector == 0 || (next == 0 && !how.twice)) {
      x = ahead;
    } else {
      x = moved(i, i, corrector);
      if (how.twice) seen.back() = predicted(x, sigmas[i]);
    }
    if (next == 0) return seen.back();
    tau = next <= noisy.highest && next >= noisy.lowest ? eta : 0;
    const double spread = next * std::sqrt(1 - std::exp(-2 * tau * tau * (lambda(i + 1) - lambda(i))));
    const Tensor z = tau > 0 ? rng.randn(kShape) : Tensor::zeros(kShape);
    noise = each(x.size(), [&](size_t k) { return spread * static_cast<double>(z.f32()[k]); });
    ahead = moved(i + 1, i, predictor);
  }
  return ahead;
}

TEST(SamplerOptions, SaSolverHasOrdersAndAPartThatIsNoisy) {
  const PathSpan noisy{.lowest = 0.4f, .highest = 3.0f};
  for (const auto& sigmas : {kToZero, kPart}) {
    for (const Adams& how : {Adams{3, 4, false, false}, Adams{3, 4, true, false}, Adams{1, 0, false, false},
                             Adams{2, 2, false, false}, Adams{2, 2, true, true}, Adams{5, 3, false, true}}) {
      SCOPED_TRACE(::testing::Message() << how.predictor << " " << how.corrector << " " << how.twice << how.simple);
      const SamplerKnobs knobs{.eta = 0.7f,
                               .order = static_cast<int>(how.predictor),
                               .corrector_order = static_cast<int>(how.corrector),
                               .noisy = noisy,
                               .simple_order_2 = how.simple};
      expect_near(sampled(how.twice ? "sa_solver_pece" : "sa_solver", sigmas, knobs),
                  sa_solver(sigmas, how, static_cast<double>(0.7f), noisy), 1e-4);
    }
  }
}

// Of what lies between the first evaluation and the end of a step (Gonzalez et al. 2023, algorithm 1, and the weights
// of the exponential Runge-Kutta scheme of order 2).
Numbers seeds_2(const std::vector<float>& sigmas, double eta, double r, bool phi_2) {
  TorchGenerator rng(kSeed);
  Numbers x = numbers(start(sigmas[0]));
  for (size_t i = 0; i + 1 < sigmas.size(); ++i) {
    const double s = sigmas[i], t = sigmas[i + 1];
    const Numbers d = predicted(x, s);
    if (t == 0) return d;
    const double h = std::log(s / t), g = h * (1 + eta), middle = s * std::exp(-r * h);
    const Tensor z1 = rng.randn(kShape), z2 = rng.randn(kShape);
    const auto noise1 = [&](size_t k) {
      return std::sqrt(1 - std::exp(-2 * r * h * eta)) * static_cast<double>(z1.f32()[k]);
    };
    const Numbers y = each(x.size(), [&](size_t k) {
      return middle / s * std::exp(-r * h * eta) * x[k] + (1 - std::exp(-r * g)) * d[k] + middle * noise1(k);
    });
    const Numbers d2 = predicted(y, middle);
    const double all = 1 - std::exp(-g);
    const double late = phi_2 ? (g - all) / g / r : all / (2 * r);
    x = each(x.size(), [&](size_t k) {
      const double noise = noise1(k) * std::exp((r - 1) * h * eta) +
                           std::sqrt(1 - std::exp(2 * (r - 1) * h * eta)) * static_cast<double>(z2.f32()[k]);
      return t / s * std::exp(-h * eta) * x[k] + (all - late) * d[k] + late * d2[k] + t * noise;
    });
  }
  return x;
}

TEST(SamplerOptions, Seeds2HasASecondEvaluationAnywhere) {
  for (const auto& sigmas : {kToZero, kPart}) {
    for (const bool phi_2 : {false, true}) {
      for (const float r : {0.3f, 0.5f, 1.0f}) {
        SCOPED_TRACE(::testing::Message() << phi_2 << " " << r);
        expect_near(sampled("seeds_2", sigmas, {.eta = 0.8f, .r = r, .phi_2 = phi_2}),
                    seeds_2(sigmas, static_cast<double>(0.8f), static_cast<double>(r), phi_2), 1e-4);
      }
    }
  }
}

}  // namespace
}  // namespace easel::sampling
