#include "sampling/schedule/edm_sampling.h"

#include <gtest/gtest.h>

#include <cmath>

#include "sampling/schedule/schedule.h"

namespace easel::sampling {
namespace {

// Karras et al. 2022, table 1: D = c_skip x + c_out F(c_in x; c_noise), in f64.
TEST(EdmSampling, IsThePapersPreconditioning) {
  for (const double data : {0.5, 1.0})
    for (const auto says : {EdmSampling::Says::kEdm, EdmSampling::Says::kVelocity}) {
      const EdmSampling model({.sigma_min = 0.002, .sigma_max = 80, .deviation = data, .says = says, .levels = 1000});
      const Tensor x = Tensor::of({1, 1, 1, 4}, {0.3f, -2.0f, 40.0f, 0.0f});
      const Tensor f = Tensor::of({1, 1, 1, 4}, {1.0f, 0.25f, -0.5f, 2.0f});
      for (const double sigma : {0.002, 0.5, 14.6, 80.0}) {
        const auto level = static_cast<float>(sigma);
        const double sum = sigma * sigma + data * data, skip = data * data / sum;
        const double out = sigma * data / std::sqrt(sum) * (says == EdmSampling::Says::kEdm ? 1 : -1);
        const Tensor shown = model.network_input(x, level), clean = model.denoised(f, x, level);
        for (int64_t i = 0; i < 4; ++i) {
          const double v = static_cast<double>(x.f32()[i]), w = static_cast<double>(f.f32()[i]);
          EXPECT_NEAR(static_cast<double>(shown.f32()[i]), v / std::sqrt(sum),
                      1e-6 * (1 + std::abs(v / std::sqrt(sum))));
          EXPECT_NEAR(static_cast<double>(clean.f32()[i]), skip * v + out * w,
                      2e-6 * (1 + std::abs(skip * v) + std::abs(out * w)));
        }
        EXPECT_NEAR(static_cast<double>(model.timestep(level)), std::log(sigma) / 4, 1e-6);
        EXPECT_NEAR(static_cast<double>(model.sigma(model.timestep(level))) / sigma, 1.0, 1e-5);
      }
    }
}

TEST(EdmSampling, LevelsAreEvenInTheirLogarithm) {
  const EdmSampling model({.sigma_min = 0.002, .sigma_max = 120, .levels = 1000});
  ASSERT_EQ(model.sigmas().size(), 1000u);
  EXPECT_NEAR(static_cast<double>(model.sigma_min()), 0.002, 1e-8);
  EXPECT_NEAR(static_cast<double>(model.sigma_max()), 120.0, 1e-3);
  for (int i = 0; i < 1000; i += 37)
    EXPECT_NEAR(static_cast<double>(model.sigmas()[static_cast<size_t>(i)]) / (0.002 * std::pow(60000.0, i / 999.0)),
                1.0, 5e-6);
  EXPECT_NEAR(model.percent_to_sigma(0.25), 0.002 * std::pow(60000.0, 0.75), 1e-3);
  EXPECT_GT(model.percent_to_sigma(0.0), 1e8);
  EXPECT_EQ(model.percent_to_sigma(1.0), 0.0);
  for (const std::string_view name : scheduler_names()) {
    const auto levels = schedule(model, name, 8);
    ASSERT_GE(levels.size(), 2u) << name;
    for (size_t i = 0; i + 1 < levels.size(); ++i) EXPECT_GT(levels[i], levels[i + 1]) << name;
    EXPECT_EQ(levels.back(), 0.0f) << name;
  }
}

TEST(EdmSampling, ImpossibleLevelsAreRefused) {
  EXPECT_THROW(EdmSampling({.sigma_min = 0, .sigma_max = 80, .levels = 9}), Error);
  EXPECT_THROW(EdmSampling({.sigma_min = 2, .sigma_max = 1, .levels = 9}), Error);
  EXPECT_THROW(EdmSampling({.sigma_min = 0.1, .sigma_max = std::nan(""), .levels = 9}), Error);
  EXPECT_THROW(EdmSampling({.sigma_min = 1, .sigma_max = 2, .levels = 1}), Error);
  EXPECT_THROW(EdmSampling({.sigma_min = 1, .sigma_max = 2, .levels = 9}).with_prediction(Prediction::kEps, false),
               Error);
}

}  // namespace
}  // namespace easel::sampling
