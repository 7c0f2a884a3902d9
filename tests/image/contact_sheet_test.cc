#include "image/sheet/contact_sheet.h"

#include <gtest/gtest.h>

#include "image/sheet/text_drawing.h"
#include "support/shared.h"

namespace easel::image {
namespace {

int64_t dark_pixels(const Tensor& t) {
  int64_t n = 0;
  for (int64_t i = 0; i < t.numel(); i += 3) n += t.f32()[i] < 0.5f;
  return n;
}

TEST(TextDrawing, Dots) {
  Tensor page = Tensor::full({1, 9, 12, 3}, 1.0f);
  draw_text(page, "1", 0, 0, 1, 0.0f);
  const char* expected[] = {"..#..", ".##..", "..#..", "..#..", "..#..", "..#..", ".###."};
  for (int64_t y = 0; y < 7; ++y)
    for (int64_t x = 0; x < 5; ++x) EXPECT_EQ(page.f32()[(y * 12 + x) * 3] == 0.0f, expected[y][x] == '#') << y << x;
  draw_text(page, "WWWWWW", -8, -3, 3, 0.0f);  // cut off, not written elsewhere
  EXPECT_GT(dark_pixels(page), 10);
}

TEST(TextDrawing, WidthsCountCharacters) {
  EXPECT_EQ(text_width("", 2), 0);
  EXPECT_EQ(text_width("ab", 2), 22);
  EXPECT_EQ(text_width("\u00e4\u6771", 1), 11);
  EXPECT_EQ(fit_text("denoise", 1000, 1), "denoise");
  EXPECT_EQ(fit_text("denoise", 36, 1), "den...");
  EXPECT_EQ(fit_text("\u6771\u4eac\u6771\u4eac\u6771\u4eac", 30, 1), "\u6771\u4eac...");
  EXPECT_EQ(fit_text("denoise", 1, 1), "...");
}

TEST(ContactSheet, PlacesAndTitles) {
  ContactSheet sheet;
  sheet.pictures = {Tensor::full({1, 40, 60, 3}, 0.0f), Tensor(), Tensor::full({1, 20, 30, 1}, 0.0f)};
  sheet.columns = 2;
  const Tensor plain = draw_contact_sheet(sheet);
  EXPECT_EQ(plain.shape(), Shape({1, 8 + 2 * 48, 8 + 2 * 68, 3}));
  EXPECT_EQ(dark_pixels(plain), 40 * 60 + 20 * 30);
  EXPECT_EQ(plain.f32()[(8 * plain.dim(2) + 8) * 3], 0.0f);
  sheet.title = "denoise";
  sheet.column_titles = {"0.2", "0.4"};
  sheet.row_titles = {"cfg 3", "cfg 7"};
  sheet.labels = {"a", "b", "c"};
  const Tensor titled = draw_contact_sheet(sheet);
  EXPECT_GT(titled.dim(1), plain.dim(1));
  EXPECT_GT(titled.dim(2), plain.dim(2));
  EXPECT_GT(dark_pixels(titled), dark_pixels(plain) + 100);
  sheet.labels.pop_back();
  EXPECT_THROW(draw_contact_sheet(sheet), Error);
  EXPECT_THROW(draw_contact_sheet({}), Error);
  ContactSheet huge;
  huge.pictures.assign(1000, Tensor::zeros({1, 64, 64, 1}));
  EXPECT_THROW(draw_contact_sheet(huge), Error);
}

}  // namespace
}  // namespace easel::image
