// Sampling by trajectory consistency, against its formula in f64.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/error.h"
#include "sampling/sampler.h"
#include "sampling/schedule/discrete_sampling.h"

namespace easel::sampling {
namespace {

constexpr RootLinearBetas kBetas{.timesteps = 1000, .first = 0.00085, .last = 0.012};

double alpha_product(int timestep) {
  double product = 1;
  for (int i = 0; i <= timestep; ++i) {
    const double root = std::sqrt(0.00085) + (std::sqrt(0.012) - std::sqrt(0.00085)) * i / 999.0;
    product *= 1 - root * root;
  }
  return product;
}
double level(int timestep) { return std::sqrt((1 - alpha_product(timestep)) / alpha_product(timestep)); }

TEST(Tcd, TheLevelsAreThoseOfFiftyTimesteps) {
  const auto levels = DiscreteSampling(kBetas, Prediction::kV).distilled();
  ASSERT_EQ(levels->sigmas().size(), size_t{50});
  EXPECT_EQ(levels->prediction(), Prediction::kEps);
  for (int i = 0; i < 50; ++i) {
    const float sigma = levels->sigmas()[static_cast<size_t>(i)];
    EXPECT_NEAR(sigma, level(20 * i + 19), 2e-6 * level(20 * i + 19));
    EXPECT_EQ(levels->timestep(sigma), static_cast<float>(20 * i + 19));
  }
  EXPECT_NEAR(levels->alpha_product(0), 1 - 0.00085, 1e-7);
  EXPECT_NEAR(levels->alpha_product(699), alpha_product(699), 1e-7);
}

TEST(Tcd, EachStepGoesBelowItsLevelAndBackUp) {
  const Shape shape{1, 3, 4, 4};
  const std::vector<int> steps{999, 759, 499, 259};
  SamplerRun run;
  run.x = Tensor(shape);
  for (int64_t i = 0; i < run.x.numel(); ++i)
    run.x.f32()[i] = static_cast<float>(14 * std::sin(static_cast<double>(i)));
  std::vector<double> below;  // the shares at 0.7 of each timestep
  for (const int t : steps) {
    run.sigmas.push_back(static_cast<float>(level(t)));
    below.push_back(alpha_product(static_cast<int>(0.7 * t)));
  }
  run.sigmas.push_back(0);
  below.push_back(alpha_product(0));
  run.knobs.eta = 0.3f;
  run.knobs.alphas.assign(below.begin(), below.end());
  run.denoise = [](const Tensor& x, float) {
    Tensor out(x.shape());
    for (int64_t i = 0; i < x.numel(); ++i) out.f32()[i] = 0.1f * x.f32()[i] + 0.2f;
    return out;
  };
  TorchGenerator rng(8), same(8);
  run.rng = &rng;
  std::vector<double> x(run.x.f32(), run.x.f32() + run.x.numel());
  for (size_t i = 0; i < steps.size(); ++i) {
    const double sigma = level(steps[i]), next = i + 1 < steps.size() ? level(steps[i + 1]) : 0, a = below[i + 1];
    const Tensor noise = next > 0 ? same.randn(shape) : Tensor::zeros(shape);
    for (size_t k = 0; k < x.size(); ++k) {
      const double d = 0.1 * x[k] + 0.2;
      const double low = std::sqrt(a) * d + std::sqrt(1 - a) * (x[k] - d) / sigma;
      x[k] = next > 0 ? low / std::sqrt(a) + noise.f32()[k] * std::sqrt(next * next + 1 - 1 / a) : low;
    }
  }
  const Tensor result = find_sampler("tcd").run(run);
  for (size_t k = 0; k < x.size(); ++k) EXPECT_NEAR(result.f32()[k], x[k], 2e-5) << k;
  run.knobs.alphas.pop_back();
  EXPECT_THROW(find_sampler("tcd").run(run), Error);
}

}  // namespace
}  // namespace easel::sampling
