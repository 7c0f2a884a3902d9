#include "sampling/schedule/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "golden.h"

namespace easel::sampling {
namespace {

using Levels = std::vector<float>;
const DiscreteSampling kModel(testing::kPublishedBetas, Prediction::kEps);

void expect_levels(std::string_view scheduler, int steps, const Levels& expected) {
  const Levels levels = schedule(kModel, scheduler, steps);
  ASSERT_EQ(levels.size(), expected.size()) << scheduler;
  for (size_t i = 0; i < levels.size(); ++i) EXPECT_FLOAT_EQ(levels[i], expected[i]) << scheduler << " " << i;
}

TEST(Schedule, GivesTheReferenceLevels) {
  expect_levels("normal", 4, {14.6146402f, 2.91830707f, 0.932357967f, 0.0291671604f, 0});
  expect_levels("karras", 4, {14.6146431f, 3.16860485f, 0.446918577f, 0.0291671772f, 0});
  expect_levels("exponential", 4, {14.6146402f, 1.84002364f, 0.231664181f, 0.0291671604f, 0});
  expect_levels("sgm_uniform", 4, {14.6146402f, 4.08608103f, 1.61558032f, 0.695149541f, 0});
  expect_levels("simple", 4, {14.6146412f, 4.08172941f, 1.61288619f, 0.69320488f, 0});
  expect_levels("ddim_uniform", 4, {4.11669636f, 1.62369204f, 0.698398113f, 0.0413144119f, 0});
  expect_levels("beta", 1, {14.6146412f, 0});
  expect_levels(
      "beta", 8,
      {14.6146412f, 10.4834728f, 5.68659163f, 2.96361279f, 1.61827886f, 0.919833302f, 0.515390635f, 0.243269756f, 0});
  expect_levels("linear_quadratic", 1, {14.6146412f, 0});
  expect_levels("linear_quadratic", 5, {14.6146412f, 14.4319582f, 14.2492752f, 12.5442343f, 7.79447556f, 0});
  expect_levels("kl_optimal", 5, {14.6146326f, 2.14274144f, 0.961588085f, 0.419836193f, 0.0291671585f, 0});
}

TEST(Schedule, BetaDropsRepeatedLevels) {
  const auto sum = [](const Levels& levels) { return std::accumulate(levels.begin(), levels.end(), 0.0); };
  EXPECT_NEAR(sum(schedule(kModel, "beta", 150)), 549.5239978600293, 1e-4);
  const Levels many = schedule(kModel, "beta", 700);
  EXPECT_EQ(many.size(), 640u);
  EXPECT_NEAR(sum(many), 2172.7885773374916, 1e-3);
}

TEST(Schedule, FallsToZeroForEveryNameAndLength) {
  for (std::string_view name : scheduler_names()) {
    for (int steps : {1, 2, 3, 7, 33, 100, 1000}) {
      const Levels levels = schedule(kModel, name, steps);
      ASSERT_GE(levels.size(), 2u) << name;
      EXPECT_EQ(levels.back(), 0) << name;
      for (size_t i = 1; i < levels.size(); ++i) EXPECT_LE(levels[i], levels[i - 1]) << name << " " << steps;
      EXPECT_TRUE(std::isfinite(levels[0])) << name;
    }
  }
  EXPECT_THROW(schedule(kModel, "euler", 4), Error);
  EXPECT_THROW(schedule(kModel, "normal", 0), Error);
}

TEST(Schedule, SamplersTakePartOfIt) {
  const Levels whole = schedule(kModel, "normal", 10);
  const auto tail = [](const Levels& v, size_t n) { return Levels(v.end() - static_cast<std::ptrdiff_t>(n), v.end()); };
  EXPECT_EQ(sampling_sigmas(kModel, {.scheduler = "normal", .steps = 10}), whole);
  EXPECT_EQ(sampling_sigmas(kModel, {.scheduler = "normal", .steps = 5, .denoise = 0.5}), tail(whole, 6));
  EXPECT_EQ(sampling_sigmas(kModel, {.scheduler = "normal", .steps = 7, .denoise = 0.65}), tail(whole, 8));
  EXPECT_TRUE(sampling_sigmas(kModel, {.scheduler = "normal", .steps = 5, .denoise = 0}).empty());
  EXPECT_EQ(sampling_sigmas(kModel, {.scheduler = "normal", .steps = 10, .start_step = 3, .last_step = 6}),
            Levels(whole.begin() + 3, whole.begin() + 7));
  EXPECT_EQ(
      sampling_sigmas(kModel, {.scheduler = "normal", .steps = 10, .last_step = 6, .force_full_denoise = true}).back(),
      0);
  EXPECT_EQ(sampling_sigmas(kModel, {.scheduler = "normal", .steps = 10, .start_step = 3, .last_step = 10000}),
            tail(whole, 8));
  EXPECT_TRUE(sampling_sigmas(kModel, {.scheduler = "normal", .steps = 10, .start_step = 10}).empty());
  Levels discarded = schedule(kModel, "normal", 11);
  discarded.erase(discarded.end() - 2);
  EXPECT_EQ(sampling_sigmas(kModel, {.scheduler = "normal", .steps = 10, .discard_penultimate = true}), discarded);
  EXPECT_THROW(sampling_sigmas(kModel, {.scheduler = "normal", .steps = 100, .denoise = 1e-4}), Error);
}

TEST(ModelSampling, RelatesTimestepsAndLevels) {
  EXPECT_FLOAT_EQ(kModel.sigma_min(), 0.029167158529162407f);
  EXPECT_FLOAT_EQ(kModel.sigma_max(), 14.614641189575195f);
  EXPECT_FLOAT_EQ(kModel.sigma(123.4f), 0.3964025378227234f);
  const std::pair<float, int> nearest[] = {{14.7f, 999}, {3, 673}, {1, 354}, {0.5f, 169}, {0.029f, 0}, {0.001f, 0}};
  for (const auto& [sigma, timestep] : nearest) EXPECT_EQ(kModel.timestep(sigma), timestep);
  EXPECT_EQ(kModel.percent_to_sigma(0), 999999999.9);
  EXPECT_FLOAT_EQ(static_cast<float>(kModel.percent_to_sigma(0.1)), 8.307170867919922f);
  EXPECT_FLOAT_EQ(static_cast<float>(kModel.percent_to_sigma(0.35)), 2.7390828132629395f);
  EXPECT_FLOAT_EQ(static_cast<float>(kModel.percent_to_sigma(0.9)), 0.34370481967926025f);
  EXPECT_EQ(kModel.percent_to_sigma(1), 0);
  EXPECT_TRUE(kModel.is_pure_noise(14.61464f));
  EXPECT_FALSE(kModel.is_pure_noise(14.61f));
}

TEST(ModelSampling, ZeroTerminalSnrEndsInNoise) {
  const DiscreteSampling zero(testing::kPublishedBetas, Prediction::kV, true);
  const std::pair<size_t, float> levels[] = {{0, 0.029167158529162407f},
                                             {1, 0.04206756502389908f},
                                             {500, 1.7745574712753296f},
                                             {998, 2254.238037109375f},
                                             {999, 4518.763671875f}};
  for (const auto& [i, sigma] : levels) EXPECT_NEAR(zero.sigmas()[i] / sigma, 1, 2e-6);
}

TEST(ModelSampling, BothPredictionsFindThePicture) {
  const DiscreteSampling v(testing::kPublishedBetas, Prediction::kV);
  const float picture = 0.7f, noise = -1.3f, sigma = 2.5f;
  const Tensor x =
      kModel.add_noise(Tensor::full(Shape{1, 2, 2, 4}, picture), Tensor::full(Shape{1, 2, 2, 4}, noise), sigma, false);
  EXPECT_FLOAT_EQ(x.f32()[3], picture + sigma * noise);
  EXPECT_FLOAT_EQ(kModel.network_input(x, sigma).f32()[0], (picture + sigma * noise) / std::sqrt(1 + sigma * sigma));
  EXPECT_NEAR(kModel.denoised(Tensor::full(x.shape(), noise), x, sigma).f32()[0], picture, 1e-6);
  const float velocity = (noise - sigma * picture) / std::sqrt(1 + sigma * sigma);
  EXPECT_NEAR(v.denoised(Tensor::full(x.shape(), velocity), x, sigma).f32()[0], picture, 1e-6);
  EXPECT_FLOAT_EQ(kModel.add_noise(Tensor::zeros(x.shape()), Tensor::full(x.shape(), noise), sigma, true).f32()[0],
                  noise * std::sqrt(1 + sigma * sigma));
}

TEST(BetaQuantile, InvertsTheDistribution) {
  // scipy.stats.beta.ppf(p, 0.6, 0.6)
  const std::pair<double, double> values[] = {{0.001, 1.855873851745199e-05},
                                              {0.1, 0.03958440558878085},
                                              {0.5, 0.5},
                                              {0.77, 0.8461624142323502},
                                              {0.999, 0.9999814412614826}};
  for (const auto& [p, x] : values) EXPECT_NEAR(beta_quantile(p, 0.6, 0.6), x, 1e-12);
  EXPECT_EQ(beta_quantile(0, 0.6, 0.6), 0);
  EXPECT_EQ(beta_quantile(1, 0.6, 0.6), 1);
  EXPECT_NEAR(beta_quantile(0.3, 1, 1), 0.3, 1e-13);
}

TEST(Schedule, MatchesTheGoldenLevels) {
  EASEL_NEEDS_SHARED();
  const DiscreteSampling v(testing::kPublishedBetas, Prediction::kV);
  int compared = 0;
  double worst = 0;
  const auto units = testing::golden_units();
  for (const auto& [key, values] : units["sigmas"].items()) {
    const size_t first = key.find('.'), second = key.rfind('.');
    const auto expected = values.get<Levels>();
    const Levels levels = schedule(key.starts_with("unclip") ? v : kModel, key.substr(first + 1, second - first - 1),
                                   std::stoi(key.substr(second + 1)));
    ASSERT_EQ(levels.size(), expected.size()) << key;
    for (size_t i = 0; i < levels.size(); ++i) {
      worst = std::max(worst, std::fabs(levels[i] - expected[i]) / std::max(1e-3, static_cast<double>(expected[i])));
    }
    ++compared;
  }
  EXPECT_EQ(compared, 54);
  EXPECT_LE(worst, 2e-7);
}

}  // namespace
}  // namespace easel::sampling
