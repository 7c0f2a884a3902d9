// Resizing, edges and hints of 8-bit pixels, against OpenCV (values/hints.py).
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"
#include "image/hints/hints.h"

namespace easel::image {
namespace {

constexpr int64_t kHeight = 24, kWidth = 36;

BytePicture picture() {
  BytePicture out(kHeight, kWidth, 3);
  for (int64_t y = 0; y < kHeight; ++y)
    for (int64_t x = 0; x < kWidth; ++x)
      for (int64_t c = 0; c < 3; ++c) {
        const bool disc = (y - 11) * (y - 11) + (x - 15 - 2 * c) * (x - 15 - 2 * c) < 64;
        out.at(y, x)[c] =
            static_cast<uint8_t>((9 * y + 4 * x * (c + 1) + (disc ? 120 : 0) + (x * y * (3 + c)) % 19) % 256);
      }
  return out;
}

// A circle and two straight lines, white on black.
BytePicture lines() {
  BytePicture out(kHeight, kWidth, 3);
  for (int64_t y = 0; y < kHeight; ++y)
    for (int64_t x = 0; x < kWidth; ++x)
      if (std::abs((y - 12) * (y - 12) + (x - 17) * (x - 17) - 81) < 8 || (y == 4 && x > 3) || (x == y + 3 && y > 5))
        for (int64_t c = 0; c < 3; ++c) out.at(y, x)[c] = 255;
  return out;
}

std::string hex(const uint8_t* bytes, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) {
    char text[3];
    std::snprintf(text, sizeof text, "%02x", bytes[i]);
    out += text;
  }
  return out;
}

// A bit for each pixel of the first channel, the first one highest.
std::string bits(const BytePicture& in) {
  std::vector<uint8_t> out(static_cast<size_t>((in.height * in.width + 7) / 8), 0);
  for (int64_t i = 0; i < in.height * in.width; ++i)
    if (in.data[static_cast<size_t>(i * in.channels)] != 0)
      out[static_cast<size_t>(i / 8)] |= static_cast<uint8_t>(0x80 >> (i % 8));
  return hex(out.data(), out.size());
}

std::string middle_row(Size size, ByteFilter filter) {
  const BytePicture out = resized(picture(), size, filter);
  return hex(out.at(out.height / 2, 0), static_cast<size_t>(out.width * out.channels));
}

TEST(BytePictures, AreResizedAsOpenCVDoes) {
  EXPECT_EQ(middle_row({50, 31}, ByteFilter::kCubic),
            "6666667470737f7a837d7e8a7b8c93818d9c898ba68799b087a0b990a4bd80a9be0faac800c3d000a4db123aed1537ff"
            "1849e11f4b781f4f7e1f53861f5c911e699b2763a32b68ad2976b6297abf2878c1327bc94188da428be23497f757a0e4"
            "c89991ddb01cd38800d33519d23b0bd84163de49c0de56b9e554cbe959dae967e0ef69ebff6debff72ffff77ffff853d"
            "ff8800ff8216");
  EXPECT_EQ(middle_row({17, 13}, ByteFilter::kArea),
            "7270747d87938696ad6ba7c10d94db1843cf1f52862464a02b77ba3681d15497ded29034d6403fe152c0ec63e1f372f3"
            "f9851a");
  EXPECT_EQ(middle_row({18, 12}, ByteFilter::kArea),
            "777b79838b988aa0b191abcb10c0df2044b92759862e649f3579b93880cd4395e78ea580d97a1ae04e73ec5ed0f86eea"
            "7f7fbe868f18");
  EXPECT_EQ(middle_row({12, 8}, ByteFilter::kArea),
            "7e85878da1ae6bb6d31f73a22e5e923776b73f8bd77ca7a9df6f23ee5fcea877d65d8c34");
  EXPECT_EQ(middle_row({50, 10}, ByteFilter::kArea),
            "717171787e7c7e8687818795848f9b8696a4889dae8ca6b48ea7c091aac993b0d11ebbd711c1e014b7ea1e3ff0214691"
            "234d73265581295e8a2c5f952e619e3169a33472b23679b8397ebc3c80ce3881cd3886d14195df4497ee469bf450a1ea"
            "d4ad0ad6b30ed99515dc3f22df472be14e74e456bde75ecdef5fd2f462daf669e6fa74eda97af2697ee16c7f736f8726"
            "718e17749522");
  EXPECT_EQ(middle_row({25, 40}, ByteFilter::kNearest),
            "6c6c6c817e7b837d8a878ea889a0b78db1c207b0d11e39ef204bfe224a85265b90286d9f2c7ebd2e7dcc458ed7478de6"
            "d39e04d5b013d73722db48b5dd5ac4f46be2f66af1fa7bfcfc8d0b");
  EXPECT_EQ(resized(picture(), {kWidth, kHeight}, ByteFilter::kCubic).data, picture().data);
}

TEST(BytePictures, BecomeTensorsAndComeBack) {
  EXPECT_EQ(byte_picture(picture_of({picture(), picture()}), 1).data, picture().data);
}

// A sigmoid, its fraction of 255 cut off; in steps of a half, which a third and two thirds reach.
TEST(Hints, LikelihoodsBecomeBytes) {
  const Tensor scores = Tensor::of({1, 2, 4, 1}, {-1000.0f, -2.0f, -0.8f, 0.0f, 0.5f, 0.8f, 1000.0f, std::nanf("")});
  const auto bytes = [&](bool safe) {
    const BytePicture out = likelihood_bytes(scores, safe ? 2 : 0);
    EXPECT_EQ(out.channels, 1);
    return std::vector<int>(out.data.begin(), out.data.end());
  };
  EXPECT_EQ(bytes(false), (std::vector<int>{0, 30, 79, 127, 158, 175, 255, 0}));
  EXPECT_EQ(bytes(true), (std::vector<int>{0, 0, 0, 127, 127, 255, 255, 0}));
}

TEST(Hints, EdgesAreThoseOfOpenCV) {
  EXPECT_EQ(bits(canny_bytes(picture(), 80, 200)),
            "00004401077ffccc304400080e0440048106041b8420d7c701140440c410c064081e200840a602d1040bc0953140e808"
            "d6244080994249500910448a80111f58a8060305048003c040c40860040920bc42409bea04201208208261407c19f430"
            "3806004a1e0040f88f000408");
  EXPECT_EQ(canny_bytes(picture(), 200, 80).data, canny_bytes(picture(), 80, 200).data);
}

TEST(Hints, LinesStayLines) {
  EXPECT_EQ(bits(hint_resized(lines(), {72, 48}, HintFit::kStretch)),
            "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
            "000000000000000000000000000000000000038700000000000078027900600000001f843c00f09ffffc000003c0000f"
            "00000000000200000100000000000400000080000000000800000040000000000800000040000000000c000000400000"
            "000002000000000000000001000000000000000000800000000000000000400000000000000000200000000000000040"
            "100000040000000040080000040000000040040000040000000040020000040000000040010000040000000040008000"
            "040000000000004000000000000000002000000000000000001000000000000000000800000000000000000400000000"
            "000000000200000000000000000100000000000008000080400000000004000040400000000004000020400000000004"
            "00001080000000000200000900000000000180000e000000000000000002000000000000000001000000000000000000"
            "800000000000007800400000000000000000200000000000000000100000000000000000000000000000000000000000");
  EXPECT_EQ(bits(hint_resized(lines(), {30, 20}, HintFit::kStretch)),
            "000000000000000000000007ffffff004010000600200008008000100100012002000440080010802000810100000200"
            "000404100008088000201200006030000052400000308000000100");
}

TEST(Hints, FitInThreeWays) {
  const BytePicture in = picture();
  const BytePicture cropped = hint_resized(in, {24, 24}, HintFit::kCrop);  // scaled by one, six columns off each side
  const BytePicture filled = hint_resized(in, {36, 40}, HintFit::kFill);   // eight rows above and below
  for (int64_t y = 0; y < 24; ++y)
    for (int64_t x = 0; x < 24; ++x) EXPECT_EQ(cropped.at(y, x)[1], in.at(y, x + 6)[1]) << y << ", " << x;
  for (int64_t y = 0; y < 24; ++y)
    for (int64_t x = 0; x < 36; ++x) EXPECT_EQ(filled.at(y + 8, x)[2], in.at(y, x)[2]) << y << ", " << x;
  EXPECT_EQ(filled.at(0, 0)[0], filled.at(39, 35)[0]);
  EXPECT_THROW(hint_resized(BytePicture(8, 8, 4), {16, 16}, HintFit::kStretch), Error);
}

}  // namespace
}  // namespace easel::image
