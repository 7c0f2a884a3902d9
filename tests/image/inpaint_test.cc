// Holes closed, masks softened, colours matched: against OpenCV and numpy (values/inpainting.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "base/error.h"
#include "image/inpaint/fill.h"
#include "image/inpaint/mask_filters.h"

namespace easel::image {
namespace {

constexpr int64_t kHeight = 14, kWidth = 18;

uint8_t picture_byte(int64_t y, int64_t x, int64_t c) {
  return static_cast<uint8_t>((7 * y + 5 * x * (c + 1) + (x * y * (3 + c)) % 23) % 256);
}

std::vector<uint8_t> picture() {
  std::vector<uint8_t> out;
  for (int64_t y = 0; y < kHeight; ++y)
    for (int64_t x = 0; x < kWidth; ++x)
      for (int64_t c = 0; c < 3; ++c) out.push_back(picture_byte(y, x, c));
  return out;
}

// In the middle, at the top, and in a corner.
std::vector<uint8_t> hole() {
  std::vector<uint8_t> out;
  for (int64_t y = 0; y < kHeight; ++y)
    for (int64_t x = 0; x < kWidth; ++x)
      out.push_back((y >= 4 && y < 10 && x >= 5 && x < 11) || (y < 3 && x >= 14 && x < 16) || (y >= 11 && x >= 12));
  return out;
}

std::string closed(HoleFilling how) {
  std::vector<uint8_t> rgb = picture();
  const std::vector<uint8_t> missing = hole();
  close_holes(rgb, missing, kHeight, kWidth, 3, how);
  std::string out;
  for (size_t i = 0; i < rgb.size(); ++i) {
    char text[3];
    std::snprintf(text, sizeof text, "%02x", rgb[i]);
    if (missing[i / 3]) out += text;
    else EXPECT_EQ(rgb[i], picture()[i]) << "what is known stays";
  }
  return out;
}

TEST(ClosedHoles, AreThoseOfOpenCV) {
  EXPECT_EQ(closed(HoleFilling::kTelea),
            "5b9db461b7325ba0af5ca9775ea7a663ae70374d613b5373426287446b964d7bab5685b93d53693c526c4361814e769f"
            "5686b85c92c744586c455b724f6e8b597fa46192bd69a1cc4f6371556e855b7c9a5f85a56b9bc173add4556b825f7790"
            "6788a56e98ba7dadc67db3cc5f748d68839b7193b17ba8cb7eaed284b7c98cc0c692ce6795d9349ce332a2ef41a0eb3d"
            "91cc7490cb7c94d5529ae13ca0eb3d9ee84091cc7f94d06c97d9539be1429ee83f9ee741");
  EXPECT_EQ(closed(HoleFilling::kNavierStokes),
            "5794b95bb51e5d9dc960af7661a5b966b3613b536b3d587a426285446b954c7aac5a8bc041556d4159774363874b73a0"
            "5683b65e93cb445a6d465d764a6889547caa608fc3699bd04d637253697f5876966189b1699ccb6ea3d85569805f758f"
            "6883a36f99c175a7d175abd36377936b7f9b6e8aab749dc17babd67eb1e093cab694d15d95d83b9be33ca2ee43a1f249"
            "94d17596d35c97d9429be340a0ed43a1f04699d27a97d55998da469be3429fec44a0ee45");
}

TEST(ClosedHoles, PicturesMayHaveNoneOrNothingElse) {
  std::vector<uint8_t> rgb = picture();
  close_holes(rgb, std::vector<uint8_t>(kHeight * kWidth, 0), kHeight, kWidth, 3, HoleFilling::kTelea);
  EXPECT_EQ(rgb, picture());
  close_holes(rgb, std::vector<uint8_t>(kHeight * kWidth, 1), kHeight, kWidth, 3, HoleFilling::kNavierStokes);
  EXPECT_EQ(rgb, picture());  // nothing to go by
  EXPECT_THROW(close_holes(rgb, hole(), kHeight, kWidth + 1, 3, HoleFilling::kTelea), Error);
}

// [1,9,11]: a square, and a fainter point.
Tensor step() {
  Tensor out = Tensor::zeros({1, 9, 11});
  for (int64_t y = 2; y < 7; ++y)
    for (int64_t x = 3; x < 8; ++x) out.f32()[y * 11 + x] = 1.0f;
  out.f32()[4 * 11 + 9] = 0.25f;
  return out;
}

void expect_row(const Tensor& values, int64_t row, const std::vector<float>& expected, float tolerance) {
  const auto count = static_cast<int64_t>(expected.size());
  for (int64_t i = 0; i < count; ++i)
    EXPECT_NEAR(values.f32()[row * count + i], expected[static_cast<size_t>(i)], tolerance) << i;
}

TEST(MaskFilters, SoftenAsWritten) {
  constexpr float kRounding = 1e-6f;
  expect_row(soften(step(), 7, Softening::kBox), 3,
             {0.204082f, 0.204082f, 0.306122f, 0.408163f, 0.510204f, 0.510204f, 0.515306f, 0.413265f, 0.316327f,
              0.214286f, 0.214286f},
             kRounding);
  expect_row(soften(step(), 7, Softening::kLinear), 3,
             {0.131944f, 0.164931f, 0.296875f, 0.494792f, 0.626736f, 0.659722f, 0.630208f, 0.500000f, 0.307292f,
              0.180556f, 0.145833f},
             kRounding);
  expect_row(soften(step(), 7, Softening::kGaussian), 3,
             {0.146515f, 0.179296f, 0.311678f, 0.454224f, 0.586606f, 0.619387f, 0.590739f, 0.460206f, 0.323280f,
              0.193321f, 0.161453f},
             kRounding);
  EXPECT_THROW(soften(step(), 19, Softening::kBox), Error);  // 9 pixels mirrored of 9 rows
}

// By looking at every pixel of the square.
TEST(MaskFilters, GrowAndShrinkBySquares) {
  const Tensor mask = step();
  for (const int64_t radius : {0, 1, 2, 20}) {
    const Tensor grown = dilate_square(mask, radius), shrunk = erode_square(mask, radius);
    for (int64_t y = 0; y < 9; ++y)
      for (int64_t x = 0; x < 11; ++x) {
        bool any = false, all = true;
        for (int64_t r = std::max<int64_t>(0, y - radius); r <= std::min<int64_t>(8, y + radius); ++r)
          for (int64_t c = std::max<int64_t>(0, x - radius); c <= std::min<int64_t>(10, x + radius); ++c) {
            any = any || mask.f32()[r * 11 + c] > 0;
            all = all && mask.f32()[r * 11 + c] == 1;
          }
        EXPECT_EQ(grown.f32()[y * 11 + x], any ? 1.0f : 0.0f) << radius << ": " << y << ", " << x;
        EXPECT_EQ(shrunk.f32()[y * 11 + x], all ? 1.0f : 0.0f) << radius << ": " << y << ", " << x;
      }
  }
}

// A part of the picture as [1,6,6,3].
Tensor part(int64_t top, int64_t left) {
  Tensor out({1, 6, 6, 3});
  for (int64_t y = 0; y < 6; ++y)
    for (int64_t x = 0; x < 6; ++x)
      for (int64_t c = 0; c < 3; ++c)
        out.f32()[(y * 6 + x) * 3 + c] = static_cast<float>(picture_byte(top + y, left + x, c)) / 255.0f;
  return out;
}

TEST(MatchedColours, AreThoseOfTheFormula) {
  constexpr float kRounding = 2e-6f;
  Tensor exclude = Tensor::zeros({1, 6, 6});
  for (int64_t y = 1; y < 3; ++y)
    for (int64_t x = 2; x < 5; ++x) exclude.f32()[y * 6 + x] = 0.5f;
  const Tensor target = part(0, 0), reference = part(6, 8);
  const std::vector<float> all{0.608208f, 0.558613f, 0.130472f, 0.563851f, 0.625213f, 0.479256f,
                               0.464190f, 0.692888f, 0.757654f, 0.723494f, 0.604193f, 0.860408f,
                               0.000000f, 0.752801f, 1.000000f, 0.000000f, 0.838586f, 0.853173f};
  expect_row(match_colours(target, reference, Tensor(), 1.0), 2, all, kRounding);
  expect_row(match_colours(target, reference, exclude, 1.0), 2,
             {0.321955f, 0.295845f, 0.015341f, 0.377746f, 0.461855f, 0.413785f, 0.357908f, 0.645505f, 0.783352f,
              0.647850f, 0.544339f, 0.866229f, 0.000000f, 0.787637f, 1.000000f, 0.000000f, 0.983175f, 1.000000f},
             kRounding);
  std::vector<float> quarter;
  for (size_t i = 0; i < all.size(); ++i) quarter.push_back(0.75f * target.f32()[2 * all.size() + i] + 0.25f * all[i]);
  expect_row(match_colours(target, reference, Tensor(), 0.25), 2, quarter, kRounding);
}

TEST(MaskedFills, PutGreyAndHolesUnderTheMask) {
  Tensor image({1, kHeight, kWidth, 3}), mask = Tensor::zeros({1, kHeight, kWidth});
  const auto bytes = picture();
  // A little more than the byte, to which values are cut.
  for (size_t i = 0; i < bytes.size(); ++i) image.f32()[i] = (static_cast<float>(bytes[i]) + 0.25f) / 255.0f;
  const auto missing = hole();
  for (size_t i = 0; i < missing.size(); ++i) mask.f32()[i] = missing[i] ? 0.995f : 0.9f;  // 0.99 is the edge
  std::vector<uint8_t> expected = bytes;
  close_holes(expected, missing, kHeight, kWidth, 3, HoleFilling::kTelea);
  const Tensor grey = fill_neutral(image, mask, 0), filled = fill_holes(image, mask, 0, HoleFilling::kTelea);
  for (size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_NEAR(grey.f32()[i], missing[i / 3] ? 0.5f : image.f32()[i], 1e-7f);
    if (missing[i / 3]) EXPECT_NEAR(filled.f32()[i], static_cast<float>(expected[i]) / 255.0f, 1e-6f);
    else EXPECT_EQ(filled.f32()[i], image.f32()[i]);
  }
  EXPECT_THROW(fill_neutral(image, Tensor::zeros({2, kHeight, kWidth}), 0), Error);
}

}  // namespace
}  // namespace easel::image
