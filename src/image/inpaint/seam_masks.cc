#include "image/inpaint/seam_masks.h"

#include <algorithm>
#include <cmath>

#include "base/cancel.h"
#include "image/scale/pillow.h"

namespace easel::image {
namespace {

constexpr int64_t kSide = 256;  // of Pillow's gradients

// The byte at (x, y) of a gradient, resized as Pillow does it.
template <class Byte>
Tensor gradient(Size size, const Byte& byte) {
  Tensor out(Shape{1, kSide, kSide, 1});
  for (int64_t y = 0; y < kSide; ++y)
    for (int64_t x = 0; x < kSide; ++x) out.f32()[y * kSide + x] = static_cast<float>(byte(x, y)) / 255.0f;
  return pillow_resize(out, size, PillowFilter::kBicubic);
}

// Copies `part` over `onto`, as far as it lies on it.
void paste(Tensor& onto, const Tensor& part, int64_t left, int64_t top) {
  const int64_t from = std::max<int64_t>(0, -left), to = std::min(part.dim(2), onto.dim(2) - left);
  const int64_t end = std::min(part.dim(1), onto.dim(1) - top);
  for (int64_t y = std::max<int64_t>(0, -top); y < end; ++y) {
    poll_cancelled();
    std::copy_n(part.f32() + y * part.dim(2) + from, std::max<int64_t>(0, to - from),
                onto.f32() + (top + y) * onto.dim(2) + left + from);
  }
}

Tensor mirrored_rows(Size size) {
  const Size half{size.width, size.height / 2};
  Tensor out = Tensor::zeros({1, size.height, size.width, 1});
  paste(out, gradient(half, [](int64_t, int64_t y) { return y; }), 0, 0);
  paste(out, gradient(half, [](int64_t, int64_t y) { return kSide - 1 - y; }), 0, half.height);
  return out;
}

Tensor mirrored_columns(Size size) {
  const Size half{size.width / 2, size.height};
  Tensor out = Tensor::zeros({1, size.height, size.width, 1});
  paste(out, gradient(half, [](int64_t x, int64_t) { return x; }), 0, 0);
  paste(out, gradient(half, [](int64_t x, int64_t) { return kSide - 1 - x; }), half.width, 0);
  return out;
}

}  // namespace

Tensor row_seam(Size tile) { return mirrored_rows(tile); }
Tensor column_seam(Size tile) { return mirrored_columns(tile); }

Tensor crossing_seam(Size tile) {
  const auto distance = [](int64_t x, int64_t y) {
    constexpr int64_t kMiddle = kSide / 2;
    const int64_t squares = (x - kMiddle) * (x - kMiddle) + (y - kMiddle) * (y - kMiddle);
    return std::min<int64_t>(static_cast<int64_t>(std::sqrt(static_cast<double>(squares) * 2.0)), 255);
  };
  Tensor out = gradient(tile, distance);
  for (float& value : out.values()) value = (255.0f - std::round(value * 255.0f)) / 255.0f;
  return out;
}

Tensor band_seam(Size band, bool stands) {
  const Size whole{kSide, kSide};
  return pillow_resize(stands ? mirrored_columns(whole) : mirrored_rows(whole), band, PillowFilter::kBicubic);
}

Tensor placed(const Tensor& part, Size canvas, int64_t x, int64_t y) {
  Tensor out = Tensor::zeros({1, canvas.height, canvas.width, 1});
  paste(out, part, x, y);
  return out;
}

Bounds bounds(const Tensor& mask) {
  const int64_t height = mask.dim(1), width = mask.dim(2);
  Bounds out{width, height, 0, 0};
  for (int64_t y = 0; y < height; ++y) {
    poll_cancelled();
    const float* row = mask.f32() + y * width;
    const auto first = std::find_if(row, row + width, [](float v) { return v > 0; }) - row;
    if (first == width) continue;
    int64_t last = width;
    while (row[last - 1] <= 0) --last;
    out = {std::min(out.x1, first), std::min(out.y1, y), std::max(out.x2, last), y + 1};
  }
  return out;
}

}  // namespace easel::image
