#include "sampling/random/brownian.h"

#include <gtest/gtest.h>

#include "support/shared.h"

namespace easel::sampling {
namespace {

// torchsde.BrownianTree(tensor(0.0291671604), zeros(20), tensor(14.6146402), entropy=77), first four values.
TEST(BrownianTree, MatchesTorchsde) {
  BrownianTree tree(0.0291671604f, 14.6146402f, 20, 77);
  const auto expect = [&](float a, float b, std::initializer_list<float> values) {
    const Tensor increment = tree.increment(a, b);
    for (size_t i = 0; i < values.size(); ++i) EXPECT_FLOAT_EQ(increment.f32()[i], values.begin()[i]) << a;
  };
  expect(0.5f, 1.25f, {-2.0020041465759277f, 0.5436692833900452f, -0.2924484610557556f, -1.0922795534133911f});
  expect(1.25f, 14.6146402f, {0.560463547706604f, 1.4157750606536865f, 8.90829849243164f, -1.479516625404358f});
  expect(0.0291671604f, 0.5f,
         {-0.24120400846004486f, -1.7395985126495361f, -0.05346211791038513f, 0.8444419503211975f});
  expect(3.1f, 3.100002f,
         {0.0016699614934623241f, 0.0018234297167509794f, 0.0007890139240771532f, 0.00046165884123183787f});
}

TEST(BrownianTree, IsOnePathWhateverIsAsked) {
  const double times[] = {0.03, 0.2, 0.7, 0.700001, 3.3, 9.1, 14.6};
  BrownianTree forwards(0.03, 14.6, 64, 5), backwards(0.03, 14.6, 64, 5);
  std::vector<Tensor> parts;
  for (int i = 0; i < 6; ++i) parts.push_back(forwards.increment(times[i], times[i + 1]));
  for (int i = 5; i >= 0; --i) {
    EXPECT_EQ(testing::max_difference(backwards.increment(times[i], times[i + 1]), parts[static_cast<size_t>(i)]), 0);
  }
  Tensor sum = Tensor::zeros(Shape{64});
  for (const Tensor& part : parts) {
    for (int i = 0; i < 64; ++i) sum.f32()[i] += part.f32()[i];
  }
  EXPECT_LT(testing::relative_error(sum, forwards.increment(0.03, 14.6)), 1e-5);
  EXPECT_EQ(testing::max_difference(forwards.increment(-5, 100), forwards.increment(0.03, 14.6)), 0);
  EXPECT_EQ(testing::max_difference(forwards.increment(2, 2), Tensor::zeros(Shape{64})), 0);
  EXPECT_THROW(forwards.increment(3, 2), Error);
  EXPECT_THROW(BrownianTree(2, 1, 4, 0), Error);
}

TEST(BrownianNoise, HasUnitVarianceAndChannelsLast) {
  BrownianNoise noise(Shape{1, 64, 64, 4}, 0.03f, 14.6f, 3);
  const Tensor z = noise(5.0f, 2.0f), back = noise(2.0f, 5.0f);
  EXPECT_EQ(z.shape(), (Shape{1, 64, 64, 4}));
  double squares = 0;
  for (int64_t i = 0; i < z.numel(); ++i) {
    squares += static_cast<double>(z.f32()[i]) * z.f32()[i];
    EXPECT_EQ(z.f32()[i], -back.f32()[i]);
  }
  EXPECT_NEAR(squares / static_cast<double>(z.numel()), 1, 0.05);
  BrownianTree tree(0.03f, 14.6f, 64 * 64 * 4, 3);
  const Tensor flat = tree.increment(2.0f, 5.0f);
  EXPECT_FLOAT_EQ(back.f32()[1], flat.f32()[64 * 64] / std::sqrt(3.0f));  // channel 1 of the first pixel
}

}  // namespace
}  // namespace easel::sampling
