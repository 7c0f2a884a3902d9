#include "image/edit/quantize.h"

#include <gtest/gtest.h>

#include <set>

#include "support/shared.h"

namespace easel::image {
namespace {

std::set<int> colours(const Tensor& t) {
  std::set<int> found;
  for (int64_t i = 0; i < t.numel(); i += 3) {
    int key = 0;
    for (int64_t c = 0; c < 3; ++c) key = key * 256 + static_cast<int>(std::nearbyint(t.f32()[i + c] * 255.0f));
    found.insert(key);
  }
  return found;
}

// Red grows to the right, green downwards.
Tensor ramp(int64_t side) {
  Tensor t(Shape{1, side, side, 3});
  for (int64_t y = 0; y < side; ++y) {
    for (int64_t x = 0; x < side; ++x) {
      float* p = t.f32() + (y * side + x) * 3;
      p[0] = static_cast<float>(x) / static_cast<float>(side - 1);
      p[1] = static_cast<float>(y) / static_cast<float>(side - 1);
      p[2] = 0.5f;
    }
  }
  return t;
}

TEST(Quantize, HasAtMostTheGivenNumberOfColours) {
  for (const char* name : {"none", "floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16"}) {
    for (int64_t n : {1, 2, 7, 256}) {
      const auto found = colours(quantize(ramp(24), n, dither(name)));
      EXPECT_LE(found.size(), static_cast<size_t>(n) + 1) << name << n;  // and black
      EXPECT_GE(found.size(), std::min<size_t>(static_cast<size_t>(n), 6)) << name << n;
    }
  }
}

TEST(Quantize, FewColoursStayAsTheyAre) {
  const Tensor t = Tensor::of({1, 1, 3, 3}, {0, 0, 0, 1, 1, 1, 1, 0, 0});
  EXPECT_EQ(testing::max_difference(quantize(t, 8, Dither::kNone), t), 0.0);
  EXPECT_EQ(testing::max_difference(quantize(t, 8, Dither::kFloydSteinberg), t), 0.0);
}

// More than 65,536 different colours.
TEST(Quantize, ManyColours) {
  Tensor t(Shape{1, 300, 300, 3});
  for (int64_t i = 0; i < 90000; ++i) {
    t.f32()[3 * i] = static_cast<float>(i & 255) / 255.0f;
    t.f32()[3 * i + 1] = static_cast<float>(i >> 8 & 255) / 255.0f;
    t.f32()[3 * i + 2] = static_cast<float>(i >> 16 & 255) / 255.0f;
  }
  EXPECT_LE(colours(quantize(t, 16, Dither::kNone)).size(), 17u);
}

TEST(Quantize, DitheringKeepsTheAverage) {
  const Tensor grey = Tensor::full({1, 64, 64, 3}, 0.5f);
  Tensor mixed = ramp(64);
  const auto mean = [](const Tensor& t) {
    double sum = 0;
    for (float v : t.values()) sum += v;
    return sum / static_cast<double>(t.numel());
  };
  EXPECT_NEAR(mean(quantize(mixed, 8, Dither::kFloydSteinberg)), mean(mixed), 0.02);
  EXPECT_NEAR(mean(quantize(grey, 2, Dither::kFloydSteinberg)), 0.5, 0.01);
}

TEST(Quantize, Errors) {
  EXPECT_THROW(dither("blue-noise"), Error);
  EXPECT_THROW(quantize(ramp(4), 0, Dither::kNone), Error);
  EXPECT_THROW(quantize(ramp(4), 257, Dither::kNone), Error);
  EXPECT_THROW(quantize(Tensor::zeros({1, 4, 4, 4}), 4, Dither::kNone), Error);
}

}  // namespace
}  // namespace easel::image
