#include "image/sheet/axes_sheet.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "image/sheet/text_drawing.h"

namespace easel::image {
namespace {

constexpr int64_t kWidth = 150, kHeight = 120;

Tensor grey(float value) { return Tensor::full({1, kHeight, kWidth, 3}, value); }

AxesSheet sheet_of_two() {
  AxesSheet out;
  out.pictures = {grey(0.25f), grey(0.75f)};
  out.columns = 2;
  out.spacing = 6;
  return out;
}

float at(const Tensor& sheet, int64_t x, int64_t y) { return sheet.f32()[(y * sheet.dim(2) + x) * 3]; }

// The box around what is black in a part of the sheet: x1, y1, x2, y2 in the sheet, the latter two behind it.
struct Box {
  int64_t x1, y1, x2, y2;
};
Box ink(const Tensor& sheet, Box within) {
  Box out{within.x2, within.y2, within.x1, within.y1};
  for (int64_t y = within.y1; y < within.y2; ++y)
    for (int64_t x = within.x1; x < within.x2; ++x)
      if (at(sheet, x, y) == 0.0f)
        out = {std::min(out.x1, x), std::min(out.y1, y), std::max(out.x2, x + 1), std::max(out.y2, y + 1)};
  return out;
}

TEST(AxesSheet, PicturesLieApartOnWhite) {
  const Tensor sheet = draw_axes_sheet(sheet_of_two());
  ASSERT_EQ(sheet.shape(), (Shape{1, kHeight, 2 * kWidth + 6, 3}));
  EXPECT_EQ(at(sheet, kWidth - 1, 5), 0.25f);
  EXPECT_EQ(at(sheet, kWidth, 5), 1.0f);
  EXPECT_EQ(at(sheet, kWidth + 5, 5), 1.0f);
  EXPECT_EQ(at(sheet, kWidth + 6, 5), 0.75f);
}

TEST(AxesSheet, LabelsLieInTheMiddleOfTheirPlaces) {
  AxesSheet plan = sheet_of_two();
  plan.column_labels = {"Steps: 4", "Steps: 8"};
  plan.row_labels = {"CFG"};
  const Tensor sheet = draw_axes_sheet(plan);
  // 150 / 15 = 10 pixels of border, three of them above. Beside: the lesser side and a fifth of the difference, 126,
  // of which labels of 3 letters have (3 + 4) / 24.
  const int64_t left = 126 * 7 / 24, top = 30;
  ASSERT_EQ(sheet.shape(), (Shape{1, top + kHeight, left + 2 * kWidth + 6, 3}));
  for (int64_t column = 0; column < 2; ++column) {
    const int64_t x = left + column * (kWidth + 6);
    const Box label = ink(sheet, {x, 0, x + kWidth, top});
    EXPECT_NEAR(label.x1 + label.x2, 2 * x + kWidth, 3);
    EXPECT_NEAR(label.y1 + label.y2, top, 3);
  }
  const Box beside = ink(sheet, {0, top, left, top + kHeight});
  EXPECT_NEAR(beside.x1 + beside.x2, left, 3);
  EXPECT_NEAR(beside.y1 + beside.y2, 2 * top + kHeight, 3);
}

TEST(AxesSheet, VerticalLabelsReadUpwards) {
  AxesSheet plan = sheet_of_two();
  plan.columns = 1;
  plan.column_labels = {"Lor"};
  plan.row_labels = {"Lor", "Lor"};
  plan.vertical = true;
  const Tensor sheet = draw_axes_sheet(plan);
  const int64_t left = 30, top = 30;
  ASSERT_EQ(sheet.shape(), (Shape{1, top + 2 * kHeight + 6, left + kWidth, 3}));
  const Box upright = ink(sheet, {left, 0, left + kWidth, top});
  const Box turned = ink(sheet, {0, top, left, top + kHeight});
  const int64_t length = upright.x2 - upright.x1, height = upright.y2 - upright.y1;
  ASSERT_EQ(turned.y2 - turned.y1, length);
  ASSERT_EQ(turned.x2 - turned.x1, height);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < length; ++x)
      EXPECT_EQ(at(sheet, turned.x1 + y, turned.y2 - 1 - x), at(sheet, upright.x1 + x, upright.y1 + y));
}

TEST(AxesSheet, LabelsAreMeasuredInCharacters) {
  EXPECT_EQ(characters("größer"), 6);
  EXPECT_EQ(first_characters("größer", 4), "größ");
  EXPECT_EQ(first_characters("größer", 3), "grö");
  EXPECT_EQ(first_characters("größer", 6), "größer");
  EXPECT_EQ(first_characters("größer", -1), "");
  AxesSheet plan = sheet_of_two();
  plan.row_labels = {"äöü"};
  EXPECT_EQ(draw_axes_sheet(plan).dim(2), 126 * 7 / 24 + 2 * kWidth + 6);
}

TEST(AxesSheet, WhatDoesNotFitTogetherIsRefused) {
  AxesSheet plan = sheet_of_two();
  plan.column_labels = {"one"};
  EXPECT_THROW(draw_axes_sheet(plan), Error);
  plan = sheet_of_two();
  plan.pictures[1] = Tensor::full({1, kHeight, kWidth + 1, 3}, 0.0f);
  EXPECT_THROW(draw_axes_sheet(plan), Error);
  plan = sheet_of_two();
  plan.spacing = 40000;
  EXPECT_THROW(axes_sheet_size(plan, kWidth, kHeight), Error);
  EXPECT_THROW(draw_axes_sheet(plan), Error);
}

}  // namespace
}  // namespace easel::image
