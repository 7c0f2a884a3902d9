// Pictures cut out as rembg does it, against numpy and Pillow (values/cut_out.py).
#include "image/edit/cut_out.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"

namespace easel::image {
namespace {

BytePicture picture() {
  BytePicture out(20, 30, 3);
  for (int64_t y = 0; y < 20; ++y)
    for (int64_t x = 0; x < 30; ++x)
      for (int64_t c = 0; c < 3; ++c)
        out.at(y, x)[c] = static_cast<uint8_t>((y * 7 + x * 5 + c * 40 + x * y % 17) % 230);
  return out;
}

TEST(CutOut, TheNetworkSeesThePictureByItsBrightestValue) {
  const Tensor seen = cut_out_pixels(picture(), {16, 12}, {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}});
  ASSERT_EQ(seen.shape(), (Shape{1, 3, 12, 16}));
  const auto at = [&](int64_t c, int64_t y, int64_t x) { return seen.f32()[(c * 12 + y) * 16 + x]; };
  EXPECT_NEAR(at(0, 0, 0), -2.0280519, 1e-6);
  EXPECT_NEAR(at(1, 5, 7), 1.2160494, 1e-6);
  EXPECT_NEAR(at(2, 11, 15), 0.60982168, 1e-6);
  double sum = 0, squares = 0;
  for (const float v : seen.values()) {
    sum += static_cast<double>(v);
    squares += static_cast<double>(v) * static_cast<double>(v);
  }
  EXPECT_NEAR(sum / 576, 0.27322461, 1e-6);
  EXPECT_NEAR(std::sqrt(squares / 576), 1.1931925, 1e-6);
  // A black picture is divided by nearly nothing, and stays black.
  const Tensor black = cut_out_pixels(BytePicture(8, 8, 3), {4, 4}, {{0, 0, 0}, {1, 1, 1}});
  for (const float v : black.values()) EXPECT_EQ(v, 0);
}

TEST(CutOut, WhatIsInFrontStays) {
  Tensor said({1, 2, 12, 16});  // the second channel is not looked at
  for (int64_t i = 0; i < said.numel(); ++i)
    said.f32()[i] = i < 192 ? static_cast<float>(std::sin(static_cast<double>(i) * 0.7 + 0.25) * 0.9) : 7.0f;
  const BytePicture cut = cut_out(picture(), said);
  ASSERT_EQ(cut.channels, 4);
  const auto pixel = [&](int64_t y, int64_t x) {
    return std::array<int, 4>{cut.at(y, x)[0], cut.at(y, x)[1], cut.at(y, x)[2], cut.at(y, x)[3]};
  };
  EXPECT_EQ(pixel(0, 0), (std::array<int, 4>{0, 26, 53, 168}));
  EXPECT_EQ(pixel(9, 14), (std::array<int, 4>{1, 1, 2, 2}));
  EXPECT_EQ(pixel(19, 29), (std::array<int, 4>{55, 94, 134, 253}));
  double colours = 0, shares = 0;
  for (size_t i = 0; i < cut.data.size(); ++i) (i % 4 == 3 ? shares : colours) += cut.data[i];
  EXPECT_NEAR(colours / (600 * 3), 62.364444, 1e-5);
  EXPECT_NEAR(shares / 600, 128.86333, 1e-5);
  // Of a network that says the same everywhere nothing is in front.
  const BytePicture none = cut_out(picture(), Tensor::full({1, 1, 4, 4}, 0.5f));
  EXPECT_EQ(none.at(3, 3)[3], 0);
  // What is no number is not in front, and leaves the rest as it is.
  Tensor odd = Tensor::full({1, 1, 4, 4}, 0.0f);
  odd.f32()[5] = std::numeric_limits<float>::quiet_NaN();
  odd.f32()[15] = 1.0f;
  const BytePicture beside = cut_out(picture(), odd);
  EXPECT_EQ(beside.at(7, 11)[3], 0);
  EXPECT_GT(beside.at(19, 29)[3], 250);
  EXPECT_THROW(cut_out(picture(), Tensor::full({2, 1, 4, 4}, 0.5f)), Error);
}

// 10 x 10 distances; numpy: percentiles 2 and 85, turned round, cut to bytes.
TEST(CutOut, NearIsBright) {
  Tensor distances({1, 10, 10, 1});
  for (int64_t i = 0; i < 100; ++i)
    distances.f32()[i] = static_cast<float>(std::sin(static_cast<double>(i) * 0.7 + 0.25) * 0.9);
  const BytePicture near = near_bytes(distances);
  EXPECT_EQ(near.at(0, 0)[0], 85);
  EXPECT_EQ(near.at(0, 5)[0], 197);
  EXPECT_EQ(near.at(5, 5)[0], 0);
  EXPECT_EQ(near.at(9, 9)[0], 61);
  int64_t sum = 0;
  for (const uint8_t v : near.data) sum += v;
  EXPECT_EQ(sum, 11997);
  EXPECT_EQ(near_bytes(Tensor::full({1, 4, 4, 1}, 2.0f)).at(2, 2)[0], 0) << "all at one distance";
}

}  // namespace
}  // namespace easel::image
