// Shapes of masks by hand; a tile laid over a picture against Pillow's alpha_composite (9.4).
#include <gtest/gtest.h>

#include <cmath>
#include <initializer_list>
#include <string>
#include <vector>

#include "base/error.h"
#include "image/edit/composite.h"
#include "image/inpaint/mask_shapes.h"

namespace easel::image {
namespace {

// One row of text for each row of a mask: '#' is 1, '+' a half, '.' 0.
Tensor drawn(std::initializer_list<std::string> rows) {
  std::vector<float> values;
  for (const std::string& row : rows)
    for (const char c : row) values.push_back(c == '#' ? 1.0f : c == '+' ? 0.5f : 0.0f);
  const auto height = static_cast<int64_t>(rows.size()), width = static_cast<int64_t>(rows.begin()->size());
  return Tensor::of({1, height, width}, values);
}

std::string text(const Tensor& mask) {
  std::string out;
  for (int64_t i = 0; i < mask.numel(); ++i) {
    if (i > 0 && i % mask.dim(2) == 0) out += '\n';
    out += mask.f32()[i] == 1.0f ? '#' : mask.f32()[i] == 0.5f ? '+' : '.';
  }
  return out;
}

Tensor together(const Tensor& a, const Tensor& b) {
  Tensor out(Shape{2, a.dim(1), a.dim(2)});
  for (int64_t i = 0; i < a.numel(); ++i) {
    out.f32()[i] = a.f32()[i];
    out.f32()[a.numel() + i] = b.f32()[i];
  }
  return out;
}

TEST(MaskShapes, EachPixelBecomesTheExtremeOfItsWindow) {
  const Tensor point = drawn({".....", ".....", "..+..", ".....", "....#"});
  EXPECT_EQ(text(extreme_in_window(point, 3, Extreme::kLargest)), ".....\n.+++.\n.+++.\n.++##\n...##");
  // An even window begins half its size before the pixel, and so ends one pixel earlier behind it.
  EXPECT_EQ(text(extreme_in_window(point, 2, Extreme::kLargest)), ".....\n.....\n..++.\n..++.\n....#");
  EXPECT_EQ(text(extreme_in_window(point, 1, Extreme::kLargest)), text(point));
  EXPECT_EQ(text(extreme_in_window(point, 99, Extreme::kLargest)), "#####\n#####\n#####\n#####\n#####");
  // Beyond the edge nothing counts, so that a full mask stays full.
  const Tensor full = drawn({"####", "##.#", "####", "####"});
  EXPECT_EQ(text(extreme_in_window(full, 3, Extreme::kSmallest)), "#...\n#...\n#...\n####");
  EXPECT_EQ(text(extreme_in_window(full, 2, Extreme::kSmallest)), "####\n##..\n##..\n####");
}

TEST(MaskShapes, MasksOfABatchDoNotTouch) {
  const Tensor two = together(drawn({"...", "..#", "..."}), drawn({"...", "...", "+.."}));
  EXPECT_EQ(text(extreme_in_window(two, 3, Extreme::kLargest)), ".##\n.##\n.##\n...\n++.\n++.");
  EXPECT_EQ(text(without_holes(together(drawn({"###", "#.#", "###"}), drawn({"#.#", "#.#", "###"})))),
            "###\n###\n###\n#.#\n#.#\n###");
}

TEST(MaskShapes, HolesAreWhatNoPathLeadsOutOf) {
  EXPECT_EQ(text(without_holes(drawn({".......", ".####..", ".#..#..", ".#.###.", ".###.#.", "...###."}))),
            ".......\n.####..\n.####..\n.#####.\n.#####.\n...###.");
  EXPECT_EQ(text(without_holes(drawn({"###.", "#.#.", "##..", "...#"}))),
            "###.\n###.\n##..\n...#");                                            // no diagonal path
  EXPECT_EQ(text(without_holes(drawn({"+++", "+.+", "+++"}))), "###\n###\n###");  // whatever is above 0 is a wall
  EXPECT_EQ(text(without_holes(drawn({"...", "...", "..."}))), "...\n...\n...");
}

TEST(MaskShapes, TheBoundsAreThoseOfTheFirstMask) {
  const Box box =
      bounds_of(together(drawn({".....", "...+.", ".#...", "....."}), drawn({"#####", "#####", "#####", "#####"})));
  EXPECT_EQ(box.x, 1);
  EXPECT_EQ(box.y, 1);
  EXPECT_EQ(box.width, 3);
  EXPECT_EQ(box.height, 2);
  EXPECT_EQ(bounds_of(together(drawn({"..", ".."}), drawn({"##", "##"}))), Box());
}

TEST(MaskShapes, WhatIsNoMaskIsRefused) {
  const Tensor picture({1, 2, 2, 3});
  EXPECT_THROW(extreme_in_window(picture, 3, Extreme::kLargest), Error);
  EXPECT_THROW(extreme_in_window(drawn({"#"}), 0, Extreme::kLargest), Error);
  EXPECT_THROW(without_holes(picture), Error);
  EXPECT_THROW(bounds_of(picture), Error);
}

TEST(AlphaComposite, IsPillows) {
  struct Case {
    int below, above, alpha, result;
  };
  for (const Case& c : {Case{0, 255, 128, 128}, Case{200, 50, 77, 155}, Case{13, 14, 200, 14}, Case{255, 0, 1, 254},
                        Case{90, 30, 255, 30}, Case{17, 250, 0, 17}}) {
    const auto value = [](int byte) { return static_cast<float>(byte) / 255.0f; };
    Tensor canvas = Tensor::full({2, 3, 4, 3}, value(c.below));
    alpha_composite(canvas, Tensor::full({2, 2, 2, 3}, value(c.above)), Tensor::full({1, 3, 4}, value(c.alpha)), 2, 1);
    for (int64_t i = 0; i < canvas.numel(); ++i) {
      const int64_t x = i / 3 % 4, y = i / 12 % 3;
      ASSERT_EQ(std::lround(canvas.f32()[i] * 255.0f), x >= 2 && y >= 1 ? c.result : c.below) << i;
    }
  }
}

TEST(AlphaComposite, RefusesWhatDoesNotLieInThePicture) {
  Tensor canvas = Tensor::zeros({1, 4, 4, 3});
  const Tensor alpha = Tensor::full({1, 4, 4}, 1.0f);
  EXPECT_THROW(alpha_composite(canvas, Tensor::zeros({1, 2, 2, 3}), alpha, 3, 0), Error);
  EXPECT_THROW(alpha_composite(canvas, Tensor::zeros({1, 2, 2, 3}), alpha, 0, -1), Error);
  EXPECT_THROW(alpha_composite(canvas, Tensor::zeros({2, 2, 2, 3}), alpha, 0, 0), Error);
  EXPECT_THROW(alpha_composite(canvas, Tensor::zeros({1, 2, 2, 4}), alpha, 0, 0), Error);
  EXPECT_THROW(alpha_composite(canvas, Tensor::zeros({1, 2, 2, 3}), Tensor::full({1, 2, 2}, 1.0f), 0, 0), Error);
}

}  // namespace
}  // namespace easel::image
