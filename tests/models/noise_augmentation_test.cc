#include "models/vision/noise_augmentation.h"

#include <gtest/gtest.h>

#include "numbers_support.h"
#include "sampling/random/torch_random.h"
#include "support/shared.h"

namespace easel::models {
namespace {

constexpr uint64_t kSeed = uint64_t{7} - 10;  // as the reference derives it from a sampling seed of 7

TEST(NoiseAugmentation, MatchesTheReference) {
  const NoiseAugmentation augmentation(80);
  sampling::TorchGenerator random;
  const UnclipSource one[] = {{sines({1, 80}, 1.0), 0.7, 0.3}};
  expect_summary(augmentation.merge(one, 0.05, kSeed, random),
                 {{0.3686917f, 0.3928111f, -0.01546763f, 0.02643115f}, 0.5273499}, 2e-6);
  const UnclipSource many[] = {{sines({2, 80}, 1.0), 0.7, 0.3}, {sines({1, 80}, 2.0), -0.4, 0.9}};
  expect_summary(augmentation.merge(many, 0.05, kSeed, random),
                 {{0.4594776f, 0.8382043f, 0.9649661f, 0.006294587f}, 0.7749515}, 2e-6);
}

TEST(NoiseAugmentation, LevelZeroIsNearlyTheImage) {
  const NoiseAugmentation augmentation(80);
  sampling::TorchGenerator random;
  const Tensor embeds = sines({1, 80}, 1.0);
  const UnclipSource one[] = {{embeds, 1.0, 0.0}};
  const Tensor y = augmentation.merge(one, 0.05, kSeed, random);
  ASSERT_EQ(y.shape(), (Shape{1, 160}));
  EXPECT_LE(testing::relative_error(contiguous(y.slice(1, 0, 80)), embeds), 2e-2);
  EXPECT_EQ(y.f32()[80], 1.0f);   // cos(0)
  EXPECT_EQ(y.f32()[159], 0.0f);  // sin(0)
}

TEST(NoiseAugmentation, RefusesOtherWidthsAndNothing) {
  const NoiseAugmentation augmentation(80);
  sampling::TorchGenerator random;
  const UnclipSource wide[] = {{sines({1, 96}, 1.0), 1.0, 0.0}};
  EXPECT_THROW(augmentation.merge(wide, 0.0, 0, random), Error);
  EXPECT_THROW(augmentation.merge({}, 0.0, 0, random), Error);
}

}  // namespace
}  // namespace easel::models
