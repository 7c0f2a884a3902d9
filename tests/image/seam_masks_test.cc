// Masks of seams against those that Pillow makes (values/seam_masks.py).
#include "image/inpaint/seam_masks.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace easel::image {
namespace {

int64_t byte_at(const Tensor& mask, int64_t y, int64_t x) {
  return std::lround(mask.f32()[y * mask.dim(2) + x] * 255.0f);
}

struct Summary {
  int64_t sum, weighted;
  std::array<int64_t, 3> points;
  std::array<int64_t, 4> box;
};

void expect_summary(const Tensor& mask, const Summary& expected) {
  const int64_t height = mask.dim(1), width = mask.dim(2);
  int64_t sum = 0, weighted = 0;
  for (int64_t i = 0; i < mask.numel(); ++i) {
    const int64_t value = byte_at(mask, 0, i);
    sum += value;
    weighted += value * (i * 31 % 101);
  }
  EXPECT_EQ(sum, expected.sum);
  EXPECT_EQ(weighted, expected.weighted);
  EXPECT_EQ(byte_at(mask, height / 3, width / 4), expected.points[0]);
  EXPECT_EQ(byte_at(mask, height / 2, width / 2), expected.points[1]);
  EXPECT_EQ(byte_at(mask, height - 2, width - 3), expected.points[2]);
  const Bounds b = bounds(mask);
  EXPECT_EQ((std::array{b.x1, b.y1, b.x2, b.y2}), expected.box);
}

TEST(SeamMasks, AreThoseOfPillow) {
  expect_summary(row_seam({72, 66}), {605952, 30294903, {174, 251, 11}, {0, 0, 72, 66}});
  expect_summary(row_seam({520, 600}), {39782080, 1989104295, {171, 255, 1}, {0, 1, 520, 599}});
  expect_summary(column_seam({88, 64}), {718336, 35942862, {130, 252, 14}, {0, 0, 88, 64}});
  expect_summary(crossing_seam({72, 64}), {538682, 26932531, {148, 253, 14}, {0, 0, 72, 64}});
  expect_summary(crossing_seam({512, 512}), {30650904, 1532542668, {146, 255, 2}, {0, 0, 512, 512}});
  expect_summary(band_seam({120, 24}, false), {368880, 18446150, {181, 246, 32}, {0, 0, 120, 24}});
  expect_summary(band_seam({24, 104}, true), {319696, 15998125, {139, 246, 53}, {0, 0, 24, 104}});
}

TEST(SeamMasks, AreCutAtTheCanvas) {
  const Tensor seam = row_seam({64, 64});
  const Tensor out = placed(seam, {100, 80}, 60, 40);
  ASSERT_EQ(out.shape(), (Shape{1, 80, 100, 1}));
  for (int64_t y = 0; y < 80; ++y)
    for (int64_t x = 0; x < 100; ++x)
      ASSERT_EQ(byte_at(out, y, x), x >= 60 && y >= 40 ? byte_at(seam, y - 40, x - 60) : 0) << y << ", " << x;
  const Bounds b = bounds(out);
  EXPECT_EQ(b.x1, 60);
  EXPECT_EQ(b.x2, 100);
  EXPECT_EQ(b.y2, 80);
  const Tensor before = placed(seam, {40, 30}, -10, -20);
  EXPECT_EQ(byte_at(before, 5, 7), byte_at(seam, 25, 17));
  EXPECT_EQ(byte_at(before, 29, 39), byte_at(seam, 49, 49));
  EXPECT_EQ(bounds(Tensor::zeros({1, 5, 7, 1})).x1, 7) << "nothing is selected";
}

}  // namespace
}  // namespace easel::image
