#include "image/inpaint/square.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace easel::image {
namespace {

Tensor counted(int64_t height, int64_t width) {
  Tensor out({1, height, width, 1});
  for (int64_t i = 0; i < out.numel(); ++i) out.f32()[i] = static_cast<float>(i + 1);
  return out;
}

TEST(Squares, AreMirroredOnceAndBlackBeyond) {
  // 2 rows of 5: one row is mirrored below them, two more are black.
  const Tensor wide = made_square(counted(2, 5), 5);
  ASSERT_EQ(wide.shape(), (Shape{1, 5, 5, 1}));
  for (int64_t x = 0; x < 5; ++x) {
    const auto value = static_cast<float>(x + 1);
    EXPECT_EQ(wide.f32()[x], value);
    EXPECT_EQ(wide.f32()[5 + x], value + 5);
    EXPECT_EQ(wide.f32()[10 + x], value) << "the row above the last";
    EXPECT_EQ(wide.f32()[15 + x], 0);
    EXPECT_EQ(wide.f32()[20 + x], 0);
  }
  // 4 rows of 3: one column is mirrored on the right.
  const Tensor tall = made_square(counted(4, 3), 4);
  for (int64_t y = 0; y < 4; ++y) EXPECT_EQ(tall.f32()[4 * y + 3], tall.f32()[4 * y + 1]) << y;
  // At another size by the pixel in the middle: places 0.5 + 2 i of 8.
  const Tensor small = made_square(counted(8, 8), 4);
  for (int64_t i = 0; i < 16; ++i)
    EXPECT_EQ(small.f32()[i], static_cast<float>((i / 4 * 2 + 1) * 8 + i % 4 * 2 + 1 + 1)) << i;
}

TEST(Squares, AreCutToThePicturesSize) {
  const Tensor same = cut_from_square(counted(4, 4), {2, 4});
  EXPECT_EQ(same.shape(), (Shape{1, 4, 2, 1}));
  EXPECT_EQ(same.f32()[2], 5);
  // Twice as large, bilinear: places 2 i + 0.5.
  const Tensor large = cut_from_square(counted(8, 8), {4, 3});
  EXPECT_EQ(large.shape(), (Shape{1, 3, 4, 1}));
  EXPECT_FLOAT_EQ(large.f32()[0], (1 + 2 + 9 + 10) / 4.0f);
}

TEST(FilledWhereSelected, TakesOnlyWhatIsFullySelected) {
  const Tensor picture = Tensor::full({2, 1, 3, 2}, 0.25f), filled = Tensor::full({2, 1, 3, 2}, 0.75f);
  const Tensor mask = Tensor::of({1, 1, 3}, {0.98f, 0.99f, 1.0f});
  const Tensor out = filled_where_selected(picture, filled, mask);
  for (int64_t i = 0; i < out.numel(); ++i)
    EXPECT_EQ(out.f32()[i], i / 2 % 3 == 0 ? 0.25f : 0.75f) << i << ": one mask serves both";
  const Tensor masks = Tensor::of({2, 1, 3}, {1, 1, 1, 0, 0, 0});
  const Tensor each = filled_where_selected(picture, filled, masks);
  for (int64_t i = 0; i < each.numel(); ++i) EXPECT_EQ(each.f32()[i], i < 6 ? 0.75f : 0.25f) << i;
  EXPECT_THROW(filled_where_selected(picture, filled, Tensor::zeros({1, 1, 4})), Error);
}

}  // namespace
}  // namespace easel::image
