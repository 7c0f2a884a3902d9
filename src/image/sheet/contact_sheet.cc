#include "image/sheet/contact_sheet.h"

#include <algorithm>

#include "image/scale/resize.h"
#include "image/sheet/text_drawing.h"

namespace easel::image {
namespace {

constexpr float kPaper = 0.96f, kInk = 0.15f, kEmpty = 0.88f;
constexpr int64_t kGap = 8;
constexpr int64_t kLargestSide = 32768;
constexpr int64_t kWidestRowTitle = 320;

// Where things go, in pixels.
struct Layout {
  int64_t rows, columns;
  int64_t cell_width = 0, cell_height = 0;
  int64_t scale;                    // of the text
  int64_t left = kGap, top = kGap;  // of the first place
  int64_t step_x, step_y;           // from place to place
  int64_t width, height;
};

int64_t line(int64_t scale) { return (kLineDots + 2) * scale; }

Layout lay_out(const ContactSheet& sheet) {
  Layout l{};
  l.left = l.top = kGap;
  l.columns = static_cast<int64_t>(sheet.columns);
  l.rows = (static_cast<int64_t>(sheet.pictures.size()) + l.columns - 1) / l.columns;
  for (const Tensor& picture : sheet.pictures) {
    if (!picture.defined()) continue;
    l.cell_width = std::max(l.cell_width, picture.dim(2));
    l.cell_height = std::max(l.cell_height, picture.dim(1));
  }
  l.cell_width = std::max<int64_t>(l.cell_width, 16);
  l.cell_height = std::max<int64_t>(l.cell_height, 16);
  l.scale = std::clamp<int64_t>(l.cell_width / 256, 1, 4);
  int64_t widest = 0;
  for (const std::string& title : sheet.row_titles) widest = std::max(widest, text_width(title, l.scale));
  if (widest > 0) l.left += std::min(widest, kWidestRowTitle * l.scale) + kGap;
  if (!sheet.title.empty()) l.top += line(2 * l.scale);
  if (!sheet.column_titles.empty()) l.top += line(l.scale);
  l.step_x = l.cell_width + kGap;
  l.step_y = l.cell_height + kGap + (sheet.labels.empty() ? 0 : line(l.scale));
  if (l.columns > kLargestSide / l.step_x || l.rows > kLargestSide / l.step_y)
    throw Error(Fault::kInvalid, "a contact sheet of " + std::to_string(l.columns) + " x " + std::to_string(l.rows) +
                                     " pictures of this size is too large")
        .fix("Make the pictures smaller, or fewer");
  l.width = l.left + l.columns * l.step_x;
  l.height = l.top + l.rows * l.step_y;
  return l;
}

void check(const ContactSheet& sheet) {
  const size_t count = sheet.pictures.size();
  const size_t rows = sheet.columns == 0 ? 0 : (count + sheet.columns - 1) / sheet.columns;
  const auto fits = [](const std::vector<std::string>& names, size_t wanted) {
    return names.empty() || names.size() == wanted;
  };
  if (count == 0 || sheet.columns == 0 || !fits(sheet.column_titles, sheet.columns) || !fits(sheet.row_titles, rows) ||
      !fits(sheet.labels, count))
    throw Error(Fault::kInvalid, "a contact sheet needs pictures, and as many titles as rows, columns and pictures");
  for (const Tensor& picture : sheet.pictures) {
    if (!picture.defined()) continue;
    require_image(picture, "a picture of a contact sheet");
    if (picture.dim(0) != 1 || (picture.dim(3) != 1 && picture.dim(3) != 3))
      throw Error(Fault::kInvalid, "a contact sheet takes single pictures in colour or grey, not " + picture.str());
  }
}

void fill(Tensor& page, int64_t x, int64_t y, int64_t width, int64_t height, float value) {
  for (int64_t r = y; r < y + height; ++r) std::fill_n(page.f32() + (r * page.dim(2) + x) * 3, width * 3, value);
}

void paste(Tensor& page, const Tensor& picture, int64_t x, int64_t y) {
  const Tensor in = contiguous(picture);
  for (int64_t r = 0; r < in.dim(1); ++r) {
    for (int64_t c = 0; c < in.dim(2); ++c) {
      const float* from = in.f32() + (r * in.dim(2) + c) * in.dim(3);
      float* to = page.f32() + ((y + r) * page.dim(2) + x + c) * 3;
      for (int64_t k = 0; k < 3; ++k) to[k] = from[in.dim(3) == 3 ? k : 0];
    }
  }
}

void write(Tensor& page, const std::string& text, int64_t x, int64_t y, int64_t width, int64_t scale) {
  draw_text(page, fit_text(text, width, scale), x, y, scale, kInk);
}

}  // namespace

Tensor draw_contact_sheet(const ContactSheet& sheet) {
  check(sheet);
  const Layout l = lay_out(sheet);
  Tensor page = Tensor::full({1, l.height, l.width, 3}, kPaper);
  write(page, sheet.title, kGap, kGap, l.width - 2 * kGap, 2 * l.scale);
  for (size_t c = 0; c < sheet.column_titles.size(); ++c)
    write(page, sheet.column_titles[c], l.left + static_cast<int64_t>(c) * l.step_x, l.top - line(l.scale) + l.scale,
          l.cell_width, l.scale);
  for (size_t r = 0; r < sheet.row_titles.size(); ++r)
    write(page, sheet.row_titles[r], kGap,
          l.top + static_cast<int64_t>(r) * l.step_y + (l.cell_height - kLineDots * l.scale) / 2, l.left - 2 * kGap,
          l.scale);
  for (size_t i = 0; i < sheet.pictures.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    const int64_t x = l.left + at % l.columns * l.step_x, y = l.top + at / l.columns * l.step_y;
    const Tensor& picture = sheet.pictures[i];
    if (!picture.defined()) fill(page, x, y, l.cell_width, l.cell_height, kEmpty);
    else paste(page, picture, x + (l.cell_width - picture.dim(2)) / 2, y + (l.cell_height - picture.dim(1)) / 2);
    if (!sheet.labels.empty()) write(page, sheet.labels[i], x, y + l.cell_height + 2 * l.scale, l.cell_width, l.scale);
  }
  return page;
}

}  // namespace easel::image
