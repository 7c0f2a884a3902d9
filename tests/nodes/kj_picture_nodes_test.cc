// Masks and pictures of KJNodes, against their formulas.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "run_node.h"

namespace easel::nodes {
namespace {

workflow::Literal s(const char* value) { return std::string(value); }

Tensor grown(Tensor mask, int64_t expand, double blur, double alpha = 1.0, double decay = 1.0, bool fill = false,
             double rate = 0.0) {
  Links links;
  links.emplace("mask", computed<Mask>(std::move(mask)));
  return run_node("GrowMaskWithBlur",
                  {{"expand", expand},
                   {"incremental_expandrate", rate},
                   {"tapered_corners", true},
                   {"flip_input", false},
                   {"blur_radius", blur},
                   {"lerp_alpha", alpha},
                   {"decay_factor", decay},
                   {"fill_holes", fill}},
                  links)
      .as<Tensor>();
}

// A byte after one pass of Pillow's box of a fractional radius: whole neighbours by ww, the two beyond by fw, in 24
// bits.
uint8_t box(const std::vector<uint8_t>& line, int64_t x, float radius) {
  const auto n = static_cast<int64_t>(line.size()), whole = static_cast<int64_t>(radius);
  const auto at = [&](int64_t i) {
    return uint64_t{line[static_cast<size_t>(std::min(std::max<int64_t>(i, 0), n - 1))]};
  };
  const auto ww = static_cast<uint64_t>(16777216.0f / (radius * 2 + 1));
  const uint64_t fw = (16777216 - static_cast<uint64_t>(2 * whole + 1) * ww) / 2;
  uint64_t sum = 0;
  for (int64_t i = x - whole; i <= x + whole; ++i) sum += at(i);
  return static_cast<uint8_t>((sum * ww + (at(x - whole - 1) + at(x + whole + 1)) * fw + 8388608) >> 24);
}

// The box that blurs as a Gaussian when applied three times: its variance, computed by its definition, is a third.
float box_for(double sigma) {
  const double variance = sigma * sigma / 3;
  const double whole = std::floor((std::sqrt(12 * variance + 1) - 1) / 2);
  // sum_{-l..l} i^2 + 2 a (l + 1)^2 = variance (2 l + 1 + 2 a)
  const double squares = whole * (whole + 1) * (2 * whole + 1) / 3;
  const double part = (variance * (2 * whole + 1) - squares) / (2 * ((whole + 1) * (whole + 1) - variance));
  return static_cast<float>(whole + part);
}

TEST(KjNodes, BlursMasksAsPillowDoes) {
  constexpr int64_t kHeight = 9, kWidth = 14;
  Tensor mask(Shape{1, kHeight, kWidth});
  for (int64_t i = 0; i < mask.numel(); ++i) mask.f32()[i] = static_cast<float>((i * 37 + 11) % 251) / 250.0f;
  for (const double radius : {0.4, 1.5, 3.0, 20.0}) {
    SCOPED_TRACE(radius);
    std::vector<std::vector<uint8_t>> rows(kHeight, std::vector<uint8_t>(kWidth));
    for (int64_t i = 0; i < mask.numel(); ++i)
      rows[static_cast<size_t>(i / kWidth)][static_cast<size_t>(i % kWidth)] =
          static_cast<uint8_t>(mask.f32()[i] * 255.0f);
    const float wide = box_for(radius);
    for (auto& row : rows)
      for (int pass = 0; pass < 3; ++pass) {
        const auto before = row;
        for (size_t x = 0; x < row.size(); ++x) row[x] = box(before, static_cast<int64_t>(x), wide);
      }
    for (size_t x = 0; x < kWidth; ++x)
      for (int pass = 0; pass < 3; ++pass) {
        std::vector<uint8_t> before;
        for (const auto& row : rows) before.push_back(row[x]);
        for (size_t y = 0; y < rows.size(); ++y) rows[y][x] = box(before, static_cast<int64_t>(y), wide);
      }
    const Tensor out = grown(clone(mask), 0, radius);
    for (int64_t i = 0; i < mask.numel(); ++i)
      // The width is rounded in other places here, which may move a byte to its neighbour.
      EXPECT_NEAR(out.f32()[i] * 255.0f, rows[static_cast<size_t>(i / kWidth)][static_cast<size_t>(i % kWidth)], 1.01)
          << i;
  }
}

TEST(KjNodes, GrowsByDiamondsAndMoreForEachMask) {
  Tensor masks = Tensor::zeros({2, 9, 9});
  masks.f32()[4 * 9 + 4] = masks.f32()[81 + 4 * 9 + 4] = 1.0f;
  const Tensor out = grown(clone(masks), 1, 0, 1, 1, false, 1.0);
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t y = 0; y < 9; ++y)
      for (int64_t x = 0; x < 9; ++x)
        EXPECT_EQ(out.f32()[n * 81 + y * 9 + x], std::abs(y - 4) + std::abs(x - 4) <= n + 1 ? 1.0f : 0.0f);
}

TEST(KjNodes, FillsHolesButNotBays) {
  // A ring with a hole, and a bay at the right border.
  const char* rows[] = {"......", ".###..", ".#.##.", ".###..", ".....#"};
  Tensor mask = Tensor::zeros({1, 5, 6});
  for (int64_t y = 0; y < 5; ++y)
    for (int64_t x = 0; x < 6; ++x) mask.f32()[y * 6 + x] = rows[y][x] == '#' ? 1.0f : 0.0f;
  const Tensor out = grown(clone(mask), 0, 0, 1, 1, true);
  for (int64_t i = 0; i < 30; ++i) EXPECT_EQ(out.f32()[i], i == 2 * 6 + 2 ? 1.0f : mask.f32()[i]) << i;
}

TEST(KjNodes, MasksTrail) {
  Tensor masks = Tensor::zeros({2, 1, 2});
  masks.f32()[0] = masks.f32()[3] = 1.0f;  // (1, 0), then (0, 1)
  const Tensor mixed = grown(clone(masks), 0, 0, 0.25);
  EXPECT_FLOAT_EQ(mixed.f32()[2], 0.75f);
  EXPECT_FLOAT_EQ(mixed.f32()[3], 0.25f);
  const Tensor decayed = grown(clone(masks), 0, 0, 1.0, 0.5);
  EXPECT_FLOAT_EQ(decayed.f32()[2], 0.5f);
  EXPECT_FLOAT_EQ(decayed.f32()[3], 1.0f);
}

TEST(KjNodes, PutsPicturesSideBySide) {
  const auto beside = [](const char* direction, bool match) {
    Links links;
    links.emplace("image1", computed<Image>(Tensor::full({1, 4, 6, 3}, 1.0f)));
    links.emplace("image2", computed<Image>(Tensor::full({2, 8, 4, 3}, 0.5f)));
    return run_node("ImageConcanate", {{"direction", s(direction)}, {"match_image_size", match}}, links).as<Tensor>();
  };
  EXPECT_EQ(beside("right", true).shape(), (Shape{2, 4, 8, 3}));  // 4 high, so 2 wide
  EXPECT_EQ(beside("down", true).shape(), (Shape{2, 16, 6, 3}));  // 6 wide, so 12 high
  const Tensor left = beside("left", false);
  EXPECT_EQ(left.shape(), (Shape{2, 8, 10, 3}));
  EXPECT_EQ(left.f32()[0], 0.5f);                 // the second comes first
  EXPECT_EQ(left.f32()[(0 * 10 + 5) * 3], 0.0f);  // black above the first
  EXPECT_EQ(left.f32()[(2 * 10 + 5) * 3], 1.0f);
  EXPECT_EQ(left.f32()[(80 + 2 * 10 + 5) * 3], 1.0f);  // and in the second picture of the batch, the same one again
}

}  // namespace
}  // namespace easel::nodes
