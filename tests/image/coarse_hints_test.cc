// Hints with only the coarse parts of a picture.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "image/hints/coarse.h"

namespace easel::image {
namespace {

BytePicture picture(int64_t height, int64_t width) {
  BytePicture out(height, width, 3);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      for (int64_t c = 0; c < 3; ++c) out.at(y, x)[c] = static_cast<uint8_t>((37 * y + 91 * x * (c + 1) + x * y) % 256);
  return out;
}

// By the definition in OpenCV's manual: zeros put between the pixels, smoothed by the kernel of pyrDown() times 4.
double doubled_by_definition(const BytePicture& in, int64_t y, int64_t x, int64_t c) {
  constexpr std::array<double, 5> kKernel{1, 4, 6, 4, 1};
  // Of the picture with zeros, which goes on mirrored about its first pixel and with its last one.
  const auto source = [](int64_t at, int64_t count) {
    if (at % 2 != 0) return int64_t{-1};
    if (at < 0) at = -at;
    return std::min(at / 2, count - 1);
  };
  double sum = 0;
  for (int64_t dy = -2; dy <= 2; ++dy)
    for (int64_t dx = -2; dx <= 2; ++dx) {
      const int64_t from_y = source(y + dy, in.height), from_x = source(x + dx, in.width);
      if (from_y < 0 || from_x < 0) continue;
      sum += kKernel[static_cast<size_t>(dy + 2)] * kKernel[static_cast<size_t>(dx + 2)] * in.at(from_y, from_x)[c];
    }
  return std::floor(sum / 64 + 0.5);
}

TEST(CoarseHints, AreDoubledByOpenCvsDefinition) {
  for (const auto& [height, width] : {std::pair<int64_t, int64_t>{5, 7}, {2, 3}, {1, 4}, {4, 1}, {1, 1}}) {
    const BytePicture in = picture(height, width), out = doubled(in);
    ASSERT_EQ(out.height, 2 * height);
    ASSERT_EQ(out.width, 2 * width);
    for (int64_t y = 0; y < out.height; ++y)
      for (int64_t x = 0; x < out.width; ++x)
        for (int64_t c = 0; c < 3; ++c)
          EXPECT_EQ(out.at(y, x)[c], doubled_by_definition(in, y, x, c)) << y << ' ' << x << ' ' << c;
  }
  BytePicture row(1, 2, 1);
  row.data[0] = 10;
  row.data[1] = 20;
  const BytePicture four = doubled(row);  // 100, 120, 150 and 160 eighths
  const std::array<int, 4> expected{13, 15, 19, 20};
  for (int64_t x = 0; x < 4; ++x) EXPECT_EQ(four.at(0, x)[0], expected[static_cast<size_t>(x)]);
}

TEST(CoarseHints, TilesAreHalvedWhereTheyAreLargeEnough) {
  EXPECT_EQ(tile_size({100, 160}, 3), (Size{128, 128}));  // 2.5 times 64 goes to the even number
  EXPECT_EQ(tile_size({192, 300}, 7), (Size{128, 256}));
  EXPECT_THROW(tile_size({31, 640}, 1), Error);
  EXPECT_THROW(tile_size({512, 512}, 10), Error);
  const BytePicture flat(60, 130, 3, 77), out = blurred_tile(flat, 4);
  EXPECT_EQ(out.width, 128);
  EXPECT_EQ(out.height, 64);
  for (const uint8_t v : out.data) EXPECT_EQ(v, 77);
}

TEST(CoarseHints, TilesAreMeansOfSquaresDoubled) {
  const BytePicture in = picture(64, 64), out = blurred_tile(in, 5);
  BytePicture means(2, 2, 3);
  for (int64_t y = 0; y < 2; ++y)
    for (int64_t x = 0; x < 2; ++x)
      for (int64_t c = 0; c < 3; ++c) {
        int sum = 0;
        for (int64_t i = 0; i < 32 * 32; ++i) sum += in.at(32 * y + i / 32, 32 * x + i % 32)[c];
        means.at(y, x)[c] = static_cast<uint8_t>(std::nearbyint(sum / 1024.0));
      }
  for (int i = 0; i < 5; ++i) means = doubled(means);
  EXPECT_EQ(out.data, means.data);
}

TEST(CoarseHints, ColorsAreSquares) {
  BytePicture in(128, 192, 3);
  for (int64_t y = 0; y < 128; ++y)
    for (int64_t x = 0; x < 192; ++x) in.at(y, x)[0] = static_cast<uint8_t>(x < 96 ? 40 : 200);
  const BytePicture out = color_squares(in, 256);
  ASSERT_EQ(out.width, 384);
  ASSERT_EQ(out.height, 256);
  for (int64_t y = 0; y < out.height; ++y)
    for (int64_t x = 0; x < out.width; ++x) {
      const int64_t square = x / 64;
      EXPECT_EQ(out.at(y, x)[0], out.at(0, 64 * square)[0]);
      if (square != 2 && square != 3) {
        EXPECT_EQ(out.at(y, x)[0], square < 2 ? 40 : 200);
      }
      EXPECT_EQ(out.at(y, x)[1], 0);
    }
  EXPECT_EQ(colors_size({100, 160}, 512), (Size{512, 819}));
  EXPECT_EQ(colors_size({300, 200}, 128), (Size{192, 128}));
}

}  // namespace
}  // namespace easel::image
