// Parts of masks and what is done with them, against what is worked out by hand.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "nodes/extensions/impact/segs.h"
#include "run_node.h"

namespace easel::nodes {
namespace {

// A mask drawn with letters: '.' is 0, 'a' 0.5, '#' 1.
Tensor drawn(const std::vector<std::string>& rows) {
  Tensor out(Shape{1, static_cast<int64_t>(rows.size()), static_cast<int64_t>(rows[0].size())});
  int64_t i = 0;
  for (const std::string& row : rows)
    for (const char c : row) out.f32()[i++] = c == '#' ? 1.0f : c == 'a' ? 0.5f : 0.0f;
  return out;
}

std::vector<std::string> letters(const Tensor& mask) {
  std::vector<std::string> out;
  for (int64_t y = 0; y < mask.dim(1); ++y) {
    out.emplace_back();
    for (int64_t x = 0; x < mask.dim(2); ++x) {
      const float v = mask.f32()[y * mask.dim(2) + x];
      out.back() += v == 1.0f ? '#' : v == 0.0f ? '.' : 'a';
    }
  }
  return out;
}

Links of(const char* name, Value value) {
  Links out;
  out.emplace(name, std::move(value));
  return out;
}

Value found(const Tensor& mask, bool combined, double factor, int64_t drop, bool bounds = false, bool contour = false) {
  return run_node("MaskToSEGS",
                  {{"combined", combined},
                   {"crop_factor", factor},
                   {"bbox_fill", bounds},
                   {"drop_size", drop},
                   {"contour_fill", contour}},
                  of("mask", computed<Mask>(mask)));
}
Segments segments(const Value& value) { return value.as<Segments>(); }

void expect_box(const image::PartBox& box, int64_t x1, int64_t y1, int64_t x2, int64_t y2) {
  EXPECT_EQ(box.x1, x1);
  EXPECT_EQ(box.y1, y1);
  EXPECT_EQ(box.x2, x2);
  EXPECT_EQ(box.y2, y2);
}

using Rows = std::vector<std::string>;

// A ring with something in its hole, two squares that touch at a corner, and a dot.
Rows mask_rows() {
  Rows out{"####......", "#..#......", "#.a#..##.."};
  out.insert(out.end(), {"####..##..", "........aa", "#.......aa"});
  return out;
}

TEST(SegsNodes, PartsAreWhatHangsTogetherTheLowestFirst) {
  const Segments all = segments(found(drawn(mask_rows()), false, 1.0, 1));
  EXPECT_EQ(all.width, 10);
  EXPECT_EQ(all.height, 6);
  ASSERT_EQ(all.items.size(), 2u) << "the dot is no larger than 1";
  expect_box(all.items[0].bounds, 6, 2, 10, 6);
  expect_box(all.items[0].crop, 6, 2, 10, 6);
  EXPECT_EQ(letters(all.items[0].mask), (Rows{"##..", "##..", "..aa", "..aa"}));
  expect_box(all.items[1].bounds, 0, 0, 4, 4);
  EXPECT_EQ(letters(all.items[1].mask), (Rows{"####", "#..#", "#.a#", "####"})) << "with what lies in its hole";
}

TEST(SegsNodes, PartsMayBeFilled) {
  EXPECT_EQ(letters(segments(found(drawn(mask_rows()), false, 1.0, 1, false, true)).items[1].mask),
            (Rows{"####", "####", "####", "####"}));
  EXPECT_EQ(letters(segments(found(drawn(mask_rows()), false, 1.0, 1, true)).items[0].mask),
            (Rows{"####", "####", "####", "####"}));
  EXPECT_EQ(segments(found(drawn(mask_rows()), false, 1.0, 4)).items.size(), 0u);
}

TEST(SegsNodes, CropsStayInsideThePicture) {
  // 4 x 4 by 1.5: 6 x 6, around (8, 4) from (5, 1), moved to the left and up; around (2, 2) from (-1, -1).
  const Segments all = segments(found(drawn(mask_rows()), false, 1.5, 1));
  expect_box(all.items[0].crop, 4, 0, 10, 6);
  expect_box(all.items[1].crop, 0, 0, 6, 6);
  EXPECT_EQ(letters(all.items[1].mask), (Rows{"####..", "#..#..", "#.a#..", "####..", "......", "......"}))
      << "without the other parts";
  expect_box(segments(found(drawn(mask_rows()), false, 100.0, 1)).items[0].crop, 0, 0, 10, 6);
}

TEST(SegsNodes, ACombinedPartIsAllOfAMaskButItsLastRowAndColumn) {
  const Segments all = segments(found(drawn({"......", ".#..a.", "......", "..#...", "......"}), true, 1.0, 100));
  ASSERT_EQ(all.items.size(), 1u);
  expect_box(all.items[0].bounds, 1, 1, 4, 3);
  EXPECT_EQ(letters(all.items[0].mask), (Rows{"#..", "..."}));
  // Filling starts from the picture's corner, as in the original, and leaves the mask that came in as it is.
  const Tensor mask = drawn({"#...", "....", "...."});
  Tensor wide = drawn({"#...", "....", "..a."});
  const Segments filled = segments(found(wide, true, 100.0, 1, true));
  ASSERT_EQ(filled.items.size(), 1u);
  EXPECT_EQ(letters(filled.items[0].mask), (Rows{"##..", "##..", "..a."}));
  EXPECT_EQ(letters(wide), (Rows{"#...", "....", "..a."}));
  EXPECT_EQ(segments(found(mask, true, 1.0, 1)).items.size(), 0u) << "a point has no sides";
}

TEST(SegsNodes, PartsBecomeOneMask) {
  const Tensor mask =
      run_node("SegsToCombinedMask", {}, of("segs", found(drawn(mask_rows()), false, 1.5, 1))).as<Tensor>();
  Rows expected = mask_rows();
  expected[5][0] = '.';
  EXPECT_EQ(letters(mask), expected);
  EXPECT_FLOAT_EQ(mask.f32()[4 * 10 + 8], 127.0f / 255.0f) << "bytes, rounded down";
  EXPECT_THROW(run_node("SegsToCombinedMask", {}, of("segs", run_node("EmptySegs", {}))), Error);
}

TEST(SegsNodes, PartsAreCutByAMask) {
  Links links = of("segs", found(drawn(mask_rows()), false, 1.0, 1));
  links.emplace(
      "mask",
      computed<Mask>(drawn({"......####", "......####", "......###.", "......####", "......####", "......####"})));
  const Segments all = segments(run_node("ImpactSegsAndMask", {}, links));
  ASSERT_EQ(all.items.size(), 2u);
  EXPECT_EQ(letters(all.items[0].mask), (Rows{"##..", "##..", "..aa", "..aa"}));
  EXPECT_EQ(letters(all.items[1].mask), (Rows{"....", "....", "....", "...."}));
  links["mask"] = computed<Mask>(drawn({"####"}));
  EXPECT_THROW(run_node("ImpactSegsAndMask", {}, links), Error);
}

}  // namespace
}  // namespace easel::nodes
