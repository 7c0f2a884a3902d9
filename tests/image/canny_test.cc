#include "image/edit/canny.h"

#include <gtest/gtest.h>

#include "support/golden.h"

namespace easel::image {
namespace {

int64_t edge_pixels(const Tensor& edges) {
  int64_t n = 0;
  for (int64_t i = 0; i < edges.numel(); i += 3) n += edges.f32()[i] == 1.0f;
  return n;
}

// Dark left, bright right.
Tensor step(int64_t height, int64_t width, float difference) {
  Tensor t(Shape{1, height, width, 3});
  for (int64_t i = 0; i < t.numel(); ++i) t.f32()[i] = i / 3 % width < width / 2 ? 0.0f : difference;
  return t;
}

TEST(Canny, AStepIsALine) {
  const Tensor edges = canny(step(20, 21, 1.0f), 0.3, 0.8);
  EXPECT_EQ(edges.shape(), Shape({1, 20, 21, 3}));
  EXPECT_EQ(edge_pixels(edges), 20);
  for (int64_t y = 0; y < 20; ++y)
    for (int64_t c = 0; c < 3; ++c)
      EXPECT_EQ(edges.f32()[(y * 21 + 10) * 3 + c] + edges.f32()[(y * 21 + 9) * 3 + c], 1.0f);
}

TEST(Canny, ThresholdsDecide) {
  EXPECT_EQ(edge_pixels(canny(step(20, 21, 0.2f), 0.1, 0.9)), 0);  // weak alone is none
  EXPECT_EQ(edge_pixels(canny(step(20, 21, 0.2f), 0.1, 0.3)), 20);
  EXPECT_EQ(edge_pixels(canny(Tensor::full({1, 9, 9, 3}, 0.7f), 0.01, 0.02)), 0);
  Tensor fading = step(40, 21, 1.0f);  // strong at the top, ever weaker below: still one line, and none by itself
  for (int64_t i = 0; i < fading.numel(); ++i) fading.f32()[i] *= 1.0f - static_cast<float>(i / (21 * 3)) * 0.02f;
  EXPECT_GE(edge_pixels(canny(fading, 0.2, 1.5)), 38);
  EXPECT_EQ(edge_pixels(canny(fading.slice(1, 24, 16), 0.2, 1.5)), 0);
}

TEST(Canny, BatchesAndChannels) {
  const Tensor one = step(20, 21, 1.0f);
  Tensor two(Shape{2, 20, 21, 4});
  for (int64_t i = 0; i < 2 * 20 * 21; ++i)
    for (int64_t c = 0; c < 4; ++c) two.f32()[i * 4 + c] = c < 3 ? one.f32()[i % (20 * 21) * 3] : 0.5f;
  const Tensor edges = canny(two, 0.3, 0.8), expected = canny(one, 0.3, 0.8);
  EXPECT_EQ(testing::max_difference(edges.slice(0, 1, 1), expected), 0.0);
  EXPECT_EQ(testing::max_difference(canny(one.slice(3, 0, 1), 0.3, 0.8), expected), 0.0);
  EXPECT_THROW(canny(Tensor::zeros({1, 2, 9, 3}), 0.1, 0.2), Error);
  EXPECT_THROW(canny(Tensor::zeros({9, 9, 3}), 0.1, 0.2), Error);
}

TEST(Canny, NotANumberIsNoEdge) {
  Tensor t = Tensor::full({1, 9, 9, 3}, NAN);
  EXPECT_EQ(edge_pixels(canny(t, 0.1, 0.2)), 0);
}

TEST(Canny, EqualToTheReference) {
  EASEL_NEEDS_SHARED();
  const TensorMap goldens = testing::load_golden("image.safetensors");
  const Tensor& input = *goldens.find("canny.input");
  EXPECT_EQ(testing::max_difference(canny(input, 0.3, 0.8), *goldens.find("canny.0.3.0.8")), 0.0);
  EXPECT_EQ(testing::max_difference(canny(input, 0.1, 0.2), *goldens.find("canny.0.1.0.2")), 0.0);
}

}  // namespace
}  // namespace easel::image
