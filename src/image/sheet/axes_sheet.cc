#include "image/sheet/axes_sheet.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/cancel.h"
#include "image/sheet/text_drawing.h"

namespace easel::image {
namespace {

constexpr int64_t kMostPixels = 32768;

// The height in pixels of letters on pictures of a width, before they are made to fit.
int64_t letter_height(double width) { return static_cast<int64_t>(48 * width / 512); }

// The dots' size for a label, smaller when it would be wider than nine tenths of its place.
int64_t dot_size(const std::string& label, double place) {
  int64_t scale = std::max<int64_t>(1, letter_height(place) / kLineDots);
  while (scale > 1 && static_cast<double>(text_width(label, scale)) > 0.9 * place) --scale;
  return scale;
}

void paste(Tensor& onto, const Tensor& picture, int64_t left, int64_t top) {
  const int64_t channels = picture.dim(3);
  for (int64_t y = 0; y < picture.dim(1); ++y) {
    poll_cancelled();
    for (int64_t x = 0; x < picture.dim(2); ++x)
      for (int64_t c = 0; c < 3; ++c)
        onto.f32()[((top + y) * onto.dim(2) + left + x) * 3 + c] =
            picture.f32()[(y * picture.dim(2) + x) * channels + c];
  }
}

// A label in black on white, as small as it is.
Tensor drawn(const std::string& label, int64_t scale, int64_t most) {
  const std::string text = fit_text(label, most, scale);
  Tensor out = Tensor::full({1, kLineDots * scale, std::max<int64_t>(1, text_width(text, scale)), 3}, 1.0f);
  draw_text(out, text, 0, scale, scale, 0.0f);
  return out;
}

Tensor turned(const Tensor& picture) {  // a quarter, against the clock
  const int64_t height = picture.dim(1), width = picture.dim(2);
  Tensor out({1, width, height, 3});
  for (int64_t y = 0; y < height; ++y) {
    poll_cancelled();
    for (int64_t x = 0; x < width; ++x)
      std::copy_n(picture.f32() + (y * width + x) * 3, 3, out.f32() + ((width - 1 - x) * height + y) * 3);
  }
  return out;
}

// How wide the labels' column is, in terms of that of the longest labels.
double label_share(const std::vector<std::string>& labels) {
  int64_t longest = 0;
  for (const std::string& label : labels) longest = std::max(longest, characters(label));
  return static_cast<double>(std::min<int64_t>(longest + 4, 24)) / 24.0;
}

int64_t label_column(int64_t width, int64_t height) {
  return std::min(width, height) + static_cast<int64_t>(0.2 * static_cast<double>(std::abs(width - height)));
}

}  // namespace

SheetSize axes_sheet_size(const AxesSheet& sheet, int64_t width, int64_t height) {
  const auto columns = static_cast<int64_t>(sheet.columns);
  const auto rows = static_cast<int64_t>(sheet.pictures.size()) / std::max<int64_t>(1, columns);
  const int64_t border = width / 15;
  SheetSize out{.width = columns * width + (columns - 1) * sheet.spacing,
                .height = rows * height + (rows - 1) * sheet.spacing};
  if (!sheet.column_labels.empty()) out.top = 3 * border;
  if (!sheet.row_labels.empty())
    out.left =
        sheet.vertical
            ? 3 * border
            : static_cast<int64_t>(static_cast<double>(label_column(width, height)) * label_share(sheet.row_labels));
  out.width += out.left;
  out.height += out.top;
  if (out.width > kMostPixels || out.height > kMostPixels)
    throw Error(Fault::kInvalid,
                "a sheet of " + std::to_string(out.width) + "x" + std::to_string(out.height) + " pixels is too large")
        .fix("Use fewer values, or smaller pictures");
  return out;
}

Tensor draw_axes_sheet(const AxesSheet& sheet) {
  const auto fits = [](const std::vector<std::string>& labels, size_t count) {
    return labels.empty() || labels.size() == count;
  };
  if (sheet.pictures.empty() || sheet.columns == 0 || sheet.pictures.size() % sheet.columns != 0 ||
      !fits(sheet.column_labels, sheet.columns) || !fits(sheet.row_labels, sheet.pictures.size() / sheet.columns))
    throw Error(Fault::kInvalid, "a sheet's pictures and labels do not fit together");
  const int64_t height = sheet.pictures[0].dim(1), width = sheet.pictures[0].dim(2);
  for (const Tensor& picture : sheet.pictures)
    if (picture.dim(1) != height || picture.dim(2) != width || picture.dim(3) < 3)
      throw Error(Fault::kInvalid, "the pictures of a sheet are of different sizes");
  const SheetSize size = axes_sheet_size(sheet, width, height);
  Tensor out = Tensor::full({1, size.height, size.width, 3}, 1.0f);
  const auto x_of = [&](size_t column) { return size.left + static_cast<int64_t>(column) * (width + sheet.spacing); };
  const auto y_of = [&](size_t row) { return size.top + static_cast<int64_t>(row) * (height + sheet.spacing); };
  for (size_t i = 0; i < sheet.pictures.size(); ++i)
    paste(out, contiguous(sheet.pictures[i]), x_of(i % sheet.columns), y_of(i / sheet.columns));
  const auto put = [&](const Tensor& label, int64_t left, int64_t top) {
    if (left < 0 || top < 0 || left + label.dim(2) > size.width || top + label.dim(1) > size.height) return;
    paste(out, label, left, top);
  };
  for (size_t column = 0; column < sheet.column_labels.size(); ++column) {
    const std::string& text = sheet.column_labels[column];
    const Tensor label = drawn(text, dot_size(text, static_cast<double>(width)), width);
    put(label, x_of(column) + (width - label.dim(2)) / 2, (size.top - label.dim(1)) / 2);
  }
  for (size_t row = 0; row < sheet.row_labels.size(); ++row) {
    const std::string& text = sheet.row_labels[row];
    if (sheet.vertical) {
      const Tensor label = turned(drawn(text, dot_size(text, static_cast<double>(width)), height));
      put(label, (size.left - label.dim(2)) / 2, y_of(row) + (height - label.dim(1)) / 2);
    } else {
      const double place = static_cast<double>(size.left) / label_share(sheet.row_labels);
      const Tensor label =
          drawn(text, std::min(dot_size(text, place), dot_size(text, static_cast<double>(size.left))), size.left);
      put(label, (size.left - label.dim(2)) / 2, y_of(row) + (height - label.dim(1)) / 2);
    }
  }
  return out;
}

}  // namespace easel::image
