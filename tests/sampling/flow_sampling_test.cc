#include "sampling/schedule/flow_sampling.h"

#include <gtest/gtest.h>

#include <cmath>

#include "golden.h"
#include "sampling/sampler.h"
#include "sampling/schedule/schedule.h"

namespace easel::sampling {
namespace {

const FlowSampling kFlow({.shift = 3.0, .time_scale = 1000.0, .levels = 1000});

TEST(FlowSampling, RelatesTimesAndLevels) {
  EXPECT_EQ(kFlow.sigmas().size(), 1000u);
  EXPECT_EQ(kFlow.sigma_max(), 1.0f);
  EXPECT_FLOAT_EQ(kFlow.sigma_min(), static_cast<float>(0.003 / 1.002));
  EXPECT_FLOAT_EQ(kFlow.sigma(250.0f), 0.5f);
  EXPECT_FLOAT_EQ(kFlow.timestep(0.5f), 500.0f);
  EXPECT_EQ(kFlow.percent_to_sigma(0), 1.0);
  EXPECT_DOUBLE_EQ(kFlow.percent_to_sigma(0.75), 0.5);
  EXPECT_EQ(kFlow.percent_to_sigma(1), 0.0);
  EXPECT_EQ(kFlow.signal(0.25f), 0.75f);
  EXPECT_TRUE(kFlow.is_pure_noise(1.0f));
  EXPECT_FALSE(kFlow.is_pure_noise(0.99f));
}

TEST(FlowSampling, FindsThePictureInTheMixture) {
  const ModelSampling& flow = kFlow;
  const Shape shape{1, 2, 2, 3};
  const float picture = 0.7f, noise = -1.3f, sigma = 0.4f;
  const Tensor x = flow.add_noise(Tensor::full(shape, picture), Tensor::full(shape, noise), sigma);
  EXPECT_FLOAT_EQ(x.f32()[0], 0.6f * picture + 0.4f * noise);
  EXPECT_FLOAT_EQ(flow.network_input(x, sigma).f32()[0], x.f32()[0]);
  EXPECT_NEAR(flow.denoised(Tensor::full(shape, noise - picture), x, sigma).f32()[0], picture, 1e-6);
  const Tensor handed_out = flow.unscaled(x, sigma);
  EXPECT_FLOAT_EQ(handed_out.f32()[0], picture + noise * sigma / 0.6f);
  EXPECT_FLOAT_EQ(flow.add_noise(handed_out, Tensor::zeros(shape), sigma).f32()[0], x.f32()[0]);
  EXPECT_EQ(flow.unscaled(x, 0.0f).f32()[0], x.f32()[0]);
  EXPECT_EQ(flow.unscaled(x, 1.0f).f32()[0], x.f32()[0]);
}

TEST(FlowSampling, RefusesImpossibleOptionsAndPredictions) {
  EXPECT_THROW(FlowSampling({.shift = 0, .levels = 10}), Error);
  EXPECT_THROW(FlowSampling({.levels = 1}), Error);
  EXPECT_THROW(kFlow.with_prediction(Prediction::kEps, false), Error);
  EXPECT_EQ(kFlow.with_prediction(Prediction::kFlow, false)->sigmas(), kFlow.sigmas());
}

TEST(FlowSampling, EveryScheduleFallsToZero) {
  for (std::string_view name : scheduler_names()) {
    for (int steps : {2, 7, 33}) {
      const std::vector<float> levels = schedule(kFlow, name, steps);
      EXPECT_EQ(levels.back(), 0) << name;
      EXPECT_LE(levels[0], 1.0f) << name;
      for (size_t i = 1; i < levels.size(); ++i) EXPECT_LE(levels[i], levels[i - 1]) << name << " " << steps;
    }
  }
}

SamplerRun run_of(TorchGenerator& rng, const Shape& shape, std::vector<float> sigmas) {
  SamplerRun run;
  run.x = prepare_noise(rng, shape, 5);
  run.sigmas = std::move(sigmas);
  run.model = &kFlow;
  run.rng = &rng;
  run.seed = 5;
  return run;
}

// For pictures drawn from a unit normal, x at a level has variance (1 - sigma)^2 + sigma^2, and the flow keeps each
// value's place in that distribution: noise at level 1 arrives at 0 as it was.
TEST(FlowSampling, DeterministicSamplersFollowTheExactFlow) {
  const std::vector<float> sigmas = schedule(kFlow, "simple", 400);
  for (const SamplerInfo& sampler : samplers()) {
    const std::string name(sampler.name);
    if (!sampler.fades || name == "euler_ancestral" || name == "lcm") continue;
    TorchGenerator rng;
    SamplerRun run = run_of(rng, Shape{1, 4, 4, 3}, sigmas);
    run.denoise = [](const Tensor& x, float sigma) {
      Tensor out(x.shape());
      const float keep = 1 - sigma, variance = keep * keep + sigma * sigma;
      for (int64_t i = 0; i < x.numel(); ++i) out.f32()[i] = keep / variance * x.f32()[i];
      return out;
    };
    const Tensor start = clone(run.x);
    EXPECT_LT(testing::relative_error(sampler.run(run), start), 0.02) << name;
  }
}

// Whatever a sampler does with fresh noise: at each level there has to be as much picture and noise as the model was
// trained on.
TEST(FlowSampling, SamplersWithFreshNoiseKeepPictureAndNoiseInProportion) {
  const float picture = 2.0f;
  for (const char* name : {"euler", "euler_ancestral", "lcm"}) {
    TorchGenerator rng;
    SamplerRun run = run_of(rng, Shape{1, 32, 32, 3}, {1.0f, 0.8f, 0.5f, 0.2f, 0});
    int steps = 0;
    run.denoise = [&](const Tensor& x, float sigma) {
      double sum = 0, squares = 0;
      for (float v : x.values()) {
        const double noise = (v - (1 - sigma) * picture) / sigma;
        sum += noise;
        squares += noise * noise;
      }
      const auto n = static_cast<double>(x.numel());
      EXPECT_NEAR(sum / n, 0, 0.06) << name << " " << sigma;
      EXPECT_NEAR(std::sqrt(squares / n), 1, 0.05) << name << " " << sigma;
      ++steps;
      return Tensor::full(x.shape(), picture);
    };
    EXPECT_LT(testing::max_difference(find_sampler(name).run(run), Tensor::full(run.x.shape(), picture)), 1e-6) << name;
    EXPECT_EQ(steps, 4);
  }
}

}  // namespace
}  // namespace easel::sampling
