#include "sampling/schedule/gits.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace easel::sampling {
namespace {

void expect_levels(const std::vector<float>& levels, const std::vector<double>& expected) {
  ASSERT_EQ(levels.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(static_cast<double>(levels[i]), expected[i], 1e-6 * (1 + expected[i])) << i;
}

TEST(Gits, GivesThePublishedSchedules) {
  expect_levels(gits_schedule(0.8, 2, 1.0), {14.61464119, 7.49001646, 0});
  expect_levels(gits_schedule(1.2, 10, 1.0), {14.61464119, 5.85520077, 2.84484982, 1.67050016, 1.08895338, 0.74807048,
                                              0.50118381, 0.32104823, 0.19894916, 0.09824532, 0});
  expect_levels(gits_schedule(1.5, 20, 1.0),
                {14.61464119, 2.45070267, 1.41535246, 0.95350921, 0.72133851, 0.57119018, 0.4783645,
                 0.43325692,  0.38853383, 0.36617002, 0.34370604, 0.32104823, 0.29807833, 0.27464288,
                 0.25053367,  0.22545385, 0.19894916, 0.17026083, 0.13792117, 0.09824532, 0});
  // All of them: the sum, and that of each times its position and its coefficient's twentieths.
  double sum = 0, weighted = 0;
  for (int part = 16; part <= 30; ++part)
    for (int steps = 2; steps <= 20; ++steps) {
      const std::vector<float> levels = gits_schedule(part * 0.05, steps, 1.0);
      EXPECT_EQ(levels.size(), static_cast<size_t>(steps) + 1);
      EXPECT_EQ(levels.back(), 0.0f);
      for (size_t i = 0; i < levels.size(); ++i) {
        sum += static_cast<double>(levels[i]);
        weighted += static_cast<double>(levels[i]) * static_cast<double>(i + 1) * part;
      }
    }
  EXPECT_NEAR(sum, 12336.4606, 1e-2);
  EXPECT_NEAR(weighted, 933693.05, 1);
}

TEST(Gits, InterpolatesBeyondTwentySteps) {
  const std::vector<float> levels = gits_schedule(1.2, 30, 1.0);
  ASSERT_EQ(levels.size(), 31U);
  const std::vector<std::pair<size_t, double>> some = {{0, 14.61464119}, {1, 9.35946951},  {2, 6.39175248},
                                                       {15, 0.50118381}, {16, 0.43900733}, {28, 0.11000647},
                                                       {29, 0.06554021}};
  for (const auto& [at, value] : some) EXPECT_NEAR(static_cast<double>(levels[at]), value, 1e-6 * (1 + value)) << at;
  EXPECT_EQ(levels[30], 0.0f);
}

TEST(Gits, GivesThePartThatIsDenoised) {
  const std::vector<float> all = gits_schedule(1.0, 10, 1.0), part = gits_schedule(1.0, 10, 0.25);
  ASSERT_EQ(part.size(), 3U);  // 2.5 is rounded to the even number
  EXPECT_EQ(part[0], all[8]);
  EXPECT_TRUE(gits_schedule(1.0, 10, 0.0).empty());
  EXPECT_THROW(gits_schedule(0.83, 10, 1.0), Error);
  EXPECT_THROW(gits_schedule(0.75, 10, 1.0), Error);
  EXPECT_THROW(gits_schedule(1.55, 10, 1.0), Error);
  EXPECT_THROW(gits_schedule(1.0, 1, 1.0), Error);
}

}  // namespace
}  // namespace easel::sampling
