// A picture cut out around its mask and stitched back, against direct sums over windows and rectangles worked out by
// hand; colours given to another picture, against what they are to become.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "image/inpaint/crop_stitch.h"
#include "image/inpaint/transfer_colours.h"

namespace easel::image {
namespace {

constexpr int64_t kHeight = 7, kWidth = 9;

Tensor spotted_mask() {
  Tensor mask(Shape{1, kHeight, kWidth});
  for (int64_t i = 0; i < mask.numel(); ++i) mask.f32()[i] = i % 5 == 0 ? static_cast<float>(i % 11) / 10.0f : 0.0f;
  return mask;
}

int64_t mirrored(int64_t i, int64_t count) {
  while (i < 0 || i >= count) i = i < 0 ? -1 - i : 2 * count - 1 - i;
  return i;
}

TEST(CropAndStitch, BlursMasksByAGaussian) {
  const Tensor mask = spotted_mask();
  for (const CropFlavour flavour : {CropFlavour::kProcessor, CropFlavour::kCard}) {
    for (const double pixels : {0.5, 4.0, 16.0}) {
      const double sigma = pixels / 4;
      const auto radius = static_cast<int64_t>(4 * sigma + 0.5);
      const auto bell = [&](int64_t d) { return std::exp(-static_cast<double>(d * d) / (2 * sigma * sigma)); };
      double total = 0;
      for (int64_t d = -radius; d <= radius; ++d) total += bell(d);
      const Tensor out = blur_mask(mask, pixels, flavour);
      for (int64_t y = 0; y < kHeight; ++y)
        for (int64_t x = 0; x < kWidth; ++x) {
          double sum = 0;
          for (int64_t v = -radius; v <= radius; ++v)
            for (int64_t u = -radius; u <= radius; ++u) {
              int64_t sy = y + v, sx = x + u;
              if (flavour == CropFlavour::kProcessor) {
                sy = mirrored(sy, kHeight);
                sx = mirrored(sx, kWidth);
              } else if (sy < 0 || sy >= kHeight || sx < 0 || sx >= kWidth) {
                continue;
              }
              sum += bell(v) * bell(u) * mask.f32()[sy * kWidth + sx];
            }
          EXPECT_NEAR(out.f32()[y * kWidth + x], sum / (total * total), 1e-6) << y << " " << x;
        }
    }
  }
}

TEST(CropAndStitch, GrowsMasksBySquares) {
  const Tensor mask = spotted_mask();
  // 4 pixels: ceil(2.5) = 3 wide. 8 pixels: 4 wide, which reach one further behind, or 5 on a card.
  for (const auto& [pixels, flavour, before, behind] :
       {std::tuple{int64_t{4}, CropFlavour::kProcessor, int64_t{1}, int64_t{1}},
        {int64_t{8}, CropFlavour::kProcessor, int64_t{1}, int64_t{2}},
        {int64_t{8}, CropFlavour::kCard, int64_t{2}, int64_t{2}}}) {
    const Tensor out = expand_mask(mask, pixels, flavour);
    for (int64_t y = 0; y < kHeight; ++y)
      for (int64_t x = 0; x < kWidth; ++x) {
        float most = 0;
        for (int64_t v = std::max<int64_t>(0, y - before); v <= std::min(kHeight - 1, y + behind); ++v)
          for (int64_t u = std::max<int64_t>(0, x - before); u <= std::min(kWidth - 1, x + behind); ++u)
            most = std::max(most, mask.f32()[v * kWidth + u]);
        EXPECT_EQ(out.f32()[y * kWidth + x], most) << y << " " << x;
      }
  }
}

TEST(CropAndStitch, WhatARingEnclosesIsRaisedToItsLevel) {
  // A ring of 0.8 that is open by one pixel, which closing shuts, and away from the border, which closing would join.
  const char* rows[] = {".............", ".............", ".............", "...#######...",
                        "...#.....#...", "...#.....#...", "...#.....#...", "...#.....#...",
                        "...###.###...", ".............", ".............", "............."};
  constexpr int64_t kRows = 12, kColumns = 13;
  Tensor mask = Tensor::zeros({1, kRows, kColumns});
  for (int64_t y = 0; y < kRows; ++y)
    for (int64_t x = 0; x < kColumns; ++x) mask.f32()[y * kColumns + x] = rows[y][x] == '#' ? 0.8f : 0.0f;
  const Tensor out = fill_enclosed_levels(mask);
  for (int64_t y = 0; y < kRows; ++y)
    for (int64_t x = 0; x < kColumns; ++x) {
      const bool inside = y >= 3 && y <= 8 && x >= 3 && x <= 9;
      EXPECT_EQ(out.f32()[y * kColumns + x], inside ? 0.8f : 0.0f) << y << " " << x;
    }
}

TEST(CropAndStitch, RectanglesGrowAndStayInside) {
  Tensor mask = Tensor::zeros({1, 12, 20});
  EXPECT_EQ(bounds_of(mask).width, 0);
  for (int64_t y = 5; y < 8; ++y)
    for (int64_t x = 9; x < 13; ++x) mask.f32()[y * 20 + x] = 0.5f;
  const Box box = bounds_of(mask);
  EXPECT_EQ(box, (Box{9, 5, 4, 3}));
  EXPECT_EQ(grown(box, 1.5, {20, 12}), (Box{8, 4, 6, 5}));  // 4 / 4 = 1, and 3 / 4 rounds to 1
  EXPECT_EQ(grown(box, 9.0, {20, 12}), (Box{0, 0, 20, 12}));
  EXPECT_EQ(around(box, {}), box);
  EXPECT_EQ(around(box, {1, 7, 2, 4}), (Box{1, 5, 12, 6}));
}

Tensor numbered(int64_t height, int64_t width) {
  Tensor image(Shape{1, height, width, 3});
  for (int64_t i = 0; i < image.numel(); ++i) image.f32()[i] = static_cast<float>((i * 7) % 256) / 255.0f;
  return image;
}

TEST(CropAndStitch, CutsOutASquareAroundABox) {
  const Tensor image = numbered(12, 20);
  Tensor mask = Tensor::zeros({1, 12, 20});
  mask.f32()[5 * 20 + 9] = 1.0f;
  // 6x5 to a multiple of 8: a square of 6 from the fourth row on, then of 8 from (7, 3) on.
  const Cut cut = cut_out(image, mask, {8, 4, 6, 5}, {.size = {6, 5}, .multiple = 8, .resize = false});
  EXPECT_EQ(cut.context, (Box{7, 3, 8, 8}));
  EXPECT_EQ(cut.picture, (Box{0, 0, 20, 12}));
  ASSERT_EQ(cut.image.shape(), (Shape{1, 8, 8, 3}));
  for (int64_t y = 0; y < 8; ++y)
    for (int64_t x = 0; x < 8; ++x)
      EXPECT_EQ(cut.image.f32()[(y * 8 + x) * 3], image.f32()[((y + 3) * 20 + x + 7) * 3]);
  EXPECT_EQ(cut.mask.f32()[2 * 8 + 2], 1.0f);
  // Laid back, only what the mask selects changes.
  const Tensor back =
      stitched(cut, Tensor::full({1, 8, 8, 3}, 1.0f), cut.mask, PillowFilter::kBilinear, PillowFilter::kBicubic);
  ASSERT_EQ(back.shape(), image.shape());
  for (int64_t i = 0; i < image.numel(); ++i)
    EXPECT_EQ(back.f32()[i], i / 3 == 5 * 20 + 9 ? 1.0f : image.f32()[i]) << i;
}

TEST(CropAndStitch, ReachesBeyondASmallPicture) {
  const Tensor image = numbered(6, 6);
  const Cut cut =
      cut_out(image, Tensor::zeros({1, 6, 6}), {0, 0, 2, 2}, {.size = {2, 2}, .multiple = 8, .resize = false});
  EXPECT_EQ(cut.picture, (Box{1, 1, 6, 6}));
  EXPECT_EQ(cut.context, (Box{0, 0, 8, 8}));
  const auto pixel = [&](int64_t y, int64_t x) { return cut.image.f32()[(y * 8 + x) * 3 + 1]; };
  const auto source = [&](int64_t y, int64_t x) { return image.f32()[(y * 6 + x) * 3 + 1]; };
  EXPECT_EQ(pixel(0, 0), 0.0f);  // corners are black
  EXPECT_EQ(pixel(7, 7), 0.0f);
  EXPECT_EQ(pixel(0, 3), source(0, 2));  // edges are repeated
  EXPECT_EQ(pixel(4, 7), source(3, 5));
  EXPECT_EQ(pixel(4, 4), source(3, 3));
  EXPECT_EQ(cut.mask.f32()[0], 1.0f);  // what is new is to be painted
  EXPECT_EQ(cut.mask.f32()[8 + 1], 0.0f);
  EXPECT_THROW(cut_out(image, Tensor::zeros({1, 6, 6}), {}, {.size = {2, 2}}), Error);
}

TEST(CropAndStitch, ResizesToTheNextMultiple) {
  const Tensor image = Tensor::full({1, 40, 40, 3}, 0.5f);
  const Cut cut = cut_out(image, Tensor::zeros({1, 40, 40}), {10, 10, 20, 10}, {.size = {60, 30}, .multiple = 32});
  EXPECT_EQ(cut.image.shape(), (Shape{1, 32, 64, 3}));
  EXPECT_EQ(cut.context, (Box{10, 10, 20, 10}));
  EXPECT_EQ(cut.image.f32()[0], 127.0f / 255.0f);  // 255 * 0.5, cut to a byte
}

// --- Colours ---

using Triple = std::array<double, 3>;

struct Moments {
  Triple mean{};
  std::array<Triple, 3> covariance{};
};
Moments moments(const Tensor& image) {
  Moments out;
  const auto count = static_cast<double>(image.numel() / 3);
  for (int64_t i = 0; i < image.numel(); ++i) out.mean[static_cast<size_t>(i % 3)] += image.f32()[i] / count;
  for (int64_t i = 0; i < image.numel(); i += 3)
    for (size_t a = 0; a < 3; ++a)
      for (size_t b = 0; b < 3; ++b)
        out.covariance[a][b] += (image.f32()[i + static_cast<int64_t>(a)] - out.mean[a]) *
                                (image.f32()[i + static_cast<int64_t>(b)] - out.mean[b]) / (count - 1);
  return out;
}

Tensor coloured(int64_t height, int64_t width, int seed) {
  Tensor image(Shape{1, height, width, 3});
  for (int64_t i = 0; i < height * width; ++i) {
    const double a = std::sin(0.7 * static_cast<double>(i * seed + 1)),
                 b = std::cos(1.3 * static_cast<double>(i + seed));
    const double c = std::sin(2.1 * static_cast<double>(i) + seed);
    image.f32()[i * 3] = static_cast<float>(0.5 + 0.1 * a);
    image.f32()[i * 3 + 1] = static_cast<float>(0.45 + 0.05 * a + 0.06 * b);
    image.f32()[i * 3 + 2] = static_cast<float>(0.4 - 0.04 * b + 0.05 * c);
  }
  return image;
}

TEST(TransferColours, ALinearMapGivesMeanAndCovariance) {
  const Tensor target = coloured(9, 13, 1), reference = coloured(11, 8, 3);
  const Moments wanted = moments(reference);
  const Tensor out = transfer_colours(target, reference, ColourTransfer::kLinear, 1.0);
  const Moments made = moments(out);
  for (size_t a = 0; a < 3; ++a) {
    EXPECT_NEAR(made.mean[a], wanted.mean[a], 1e-6);
    for (size_t b = 0; b < 3; ++b) EXPECT_NEAR(made.covariance[a][b], wanted.covariance[a][b], 1e-7);
  }
  // The map that moves colours least is symmetric: moving by T d for d = e_a and e_b, read off from the pixels by
  // solving for T with the covariances: cov(out, in) = T cov(in), so T cov(in) T = cov(out) and T = T'.
  const Moments own = moments(target);
  std::array<Triple, 3> cross{};
  const auto count = static_cast<double>(target.numel() / 3);
  for (int64_t i = 0; i < target.numel(); i += 3)
    for (size_t a = 0; a < 3; ++a)
      for (size_t b = 0; b < 3; ++b)
        cross[a][b] += (out.f32()[i + static_cast<int64_t>(a)] - made.mean[a]) *
                       (target.f32()[i + static_cast<int64_t>(b)] - own.mean[b]) / (count - 1);
  // T = cross own^-1, by Cramer's rule.
  const auto& m = own.covariance;
  const auto minor = [&](size_t r, size_t c) {
    const size_t r1 = (r + 1) % 3, r2 = (r + 2) % 3, c1 = (c + 1) % 3, c2 = (c + 2) % 3;
    return m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1];
  };
  const double determinant = m[0][0] * minor(0, 0) + m[0][1] * minor(0, 1) + m[0][2] * minor(0, 2);
  std::array<Triple, 3> map{};
  for (size_t a = 0; a < 3; ++a)
    for (size_t b = 0; b < 3; ++b)
      for (size_t k = 0; k < 3; ++k) map[a][b] += cross[a][k] * minor(b, k) / determinant;
  for (size_t a = 0; a < 3; ++a) {
    EXPECT_GT(map[a][a], 0);
    for (size_t b = 0; b < a; ++b) EXPECT_NEAR(map[a][b], map[b][a], 1e-3);
  }
  const Tensor half = transfer_colours(target, reference, ColourTransfer::kLinear, 0.5);
  EXPECT_NEAR(half.f32()[4], 0.5 * (target.f32()[4] + out.f32()[4]), 1e-6);
}

Tensor grey_line(std::initializer_list<float> values) {
  Tensor image(Shape{1, 1, static_cast<int64_t>(values.size()), 3});
  int64_t i = 0;
  for (const float value : values)
    for (int c = 0; c < 3; ++c) image.f32()[i++] = value;
  return image;
}

// numpy.interp of the shares of the target among those of the reference.
TEST(TransferColours, HistogramsAreMatchedByShares) {
  const Tensor out = transfer_colours(grey_line({0.5f, 0.0f, 0.5f, 1.0f}),
                                      grey_line({0.25f, 0.5f, 0.75f, 0.75f, 0.75f}), ColourTransfer::kHistogram, 1.0);
  // 0 has a share of 1/4, 0.5 of 3/4, 1 all; in the reference 0.25 has 1/5, 0.5 2/5, 0.75 all.
  EXPECT_FLOAT_EQ(out.f32()[3], 0.25f + 0.25f * (0.25f - 0.2f) / 0.2f);
  EXPECT_FLOAT_EQ(out.f32()[0], 0.5f + 0.25f * (0.75f - 0.4f) / 0.6f);
  EXPECT_FLOAT_EQ(out.f32()[6], out.f32()[0]);
  EXPECT_FLOAT_EQ(out.f32()[9], 0.75f);
}

// Colours as waves of three lengths and back, with the published four digits, which are not quite each other's inverse.
Triple through_waves(const float* colour) {
  constexpr double kTo[3][3] = {{0.3811, 0.5783, 0.0402}, {0.1967, 0.7244, 0.0782}, {0.0241, 0.1288, 0.8444}};
  constexpr double kFrom[3][3] = {{4.4679, -3.5873, 0.1193}, {-1.2186, 2.3809, -0.1624}, {0.0497, -0.2439, 1.2045}};
  Triple out{};
  for (size_t a = 0; a < 3; ++a)
    for (size_t b = 0; b < 3; ++b)
      for (size_t c = 0; c < 3; ++c) out[a] += kFrom[a][b] * kTo[b][c] * static_cast<double>(colour[c]);
  return out;
}

TEST(TransferColours, ReinhardMovesAndStretchesLogarithms) {
  const Tensor target = coloured(6, 6, 1);
  // Half as bright: all logarithms are less by the same, so that nothing but that changes; and nothing for the same.
  for (const float brightness : {1.0f, 0.5f}) {
    Tensor reference = clone(target);
    for (int64_t i = 0; i < reference.numel(); ++i) reference.f32()[i] *= brightness;
    const Tensor out = transfer_colours(target, reference, ColourTransfer::kReinhard, 1.0);
    for (int64_t i = 0; i < target.numel(); i += 3) {
      const Triple expected = through_waves(reference.f32() + i);
      for (size_t c = 0; c < 3; ++c) EXPECT_NEAR(out.f32()[i + static_cast<int64_t>(c)], expected[c], 1e-6) << i;
    }
  }
  Tensor black = clone(target);
  black.f32()[0] = 0.0f;  // counts as 1/255
  Tensor nearly = clone(black);
  nearly.f32()[0] = 1.0f / 255.0f;
  const Tensor a = transfer_colours(black, target, ColourTransfer::kReinhard, 0.5);
  const Tensor b = transfer_colours(nearly, target, ColourTransfer::kReinhard, 0.5);
  for (int64_t i = 0; i < a.numel(); ++i) EXPECT_FLOAT_EQ(a.f32()[i], b.f32()[i]) << i;
  EXPECT_THROW(transfer_colours(Tensor::full({1, 2, 2, 3}, 0.5f), target, ColourTransfer::kReinhard, 1.0), Error);
}

TEST(TransferColours, HistogramAndMapTogetherKeepTheHistogram) {
  const Tensor target = coloured(6, 6, 1), reference = coloured(6, 6, 5);
  const Tensor out = transfer_colours(target, reference, ColourTransfer::kHistogramAndLinear, 1.0);
  for (int c = 0; c < 3; ++c) {
    std::vector<float> a, b;
    for (int64_t i = c; i < out.numel(); i += 3) {
      a.push_back(out.f32()[i]);
      b.push_back(reference.f32()[i]);
    }
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-6) << c << " " << i;
  }
}

}  // namespace
}  // namespace easel::image
