#include "nodes/pixels.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "image/resize.h"

namespace easel::nodes {
namespace {

// Elements per pixel.
int64_t depth(const Tensor& t) { return t.rank() > 3 ? t.dim(3) : 1; }

Shape with_size(const Tensor& t, int64_t height, int64_t width) {
  Shape shape = t.shape();
  shape[1] = height, shape[2] = width;
  return shape;
}

}  // namespace

Tensor repeat_to_batch(const Tensor& t, int64_t n) {
  if (t.dim(0) == n) return t;
  if (t.dim(0) > n) return t.slice(0, 0, n);
  const Tensor from = contiguous(t);
  Shape shape = t.shape();
  shape[0] = n;
  Tensor out(shape);
  const size_t row = static_cast<size_t>(from.numel() / from.dim(0));
  for (int64_t i = 0; i < n; ++i)
    std::memcpy(out.f32() + static_cast<size_t>(i) * row, from.f32() + static_cast<size_t>(i % from.dim(0)) * row,
                row * sizeof(float));
  return out;
}

Tensor join_batches(const Tensor& a, const Tensor& b) {
  const Tensor first = contiguous(a), second = contiguous(b);
  Shape shape = a.shape();
  for (int d = 1; d < shape.rank(); ++d)
    if (b.rank() != a.rank() || b.dim(d) != shape[d])
      throw Error(Fault::kInvalid,
                  "batches of shapes " + a.shape().str() + " and " + b.shape().str() + " cannot be put together");
  shape[0] += b.dim(0);
  Tensor out(shape);
  std::memcpy(out.f32(), first.f32(), first.nbytes());
  std::memcpy(out.f32() + first.numel(), second.f32(), second.nbytes());
  return out;
}

Tensor cut(const Tensor& t, int64_t y, int64_t x, int64_t height, int64_t width) {
  const int64_t bottom = std::min(y + height, t.dim(1)), right = std::min(x + width, t.dim(2));
  if (y < 0 || x < 0 || bottom <= y || right <= x)
    throw Error(Fault::kInvalid, "the rectangle lies outside of the " + std::to_string(t.dim(2)) + " x " +
                                     std::to_string(t.dim(1)) + " there are");
  return contiguous(t.slice(1, y, bottom - y).slice(2, x, right - x));
}

Tensor resize_mask(const Tensor& mask, int64_t height, int64_t width) {
  const Tensor flat = contiguous(mask).view({mask.dim(0), mask.dim(1), mask.dim(2), 1});
  return image::resize(flat, {width, height}, image::ResizeMethod::kBilinear).view({mask.dim(0), height, width});
}

Tensor composite(const Tensor& destination, const Tensor& source, int64_t x, int64_t y, const Tensor& mask) {
  const int64_t c = depth(destination);
  if (depth(source) != c)
    throw Error(Fault::kInvalid, "what is placed has " + std::to_string(depth(source)) +
                                     " channels, what it is placed on " + std::to_string(c));
  Tensor out = clone(destination);
  const Tensor from = contiguous(repeat_to_batch(source, out.dim(0)));
  Tensor weights;
  if (mask.defined()) weights = contiguous(repeat_to_batch(resize_mask(mask, from.dim(1), from.dim(2)), out.dim(0)));
  const int64_t top = std::max<int64_t>(0, -y), bottom = std::min(from.dim(1), out.dim(1) - y);
  const int64_t left = std::max<int64_t>(0, -x), right = std::min(from.dim(2), out.dim(2) - x);
  if (right <= left) return out;
  for (int64_t n = 0; n < out.dim(0); ++n) {
    for (int64_t row = top; row < bottom; ++row) {
      const float* s = from.f32() + ((n * from.dim(1) + row) * from.dim(2) + left) * c;
      float* d = out.f32() + ((n * out.dim(1) + row + y) * out.dim(2) + left + x) * c;
      const float* w = weights.defined() ? weights.f32() + (n * from.dim(1) + row) * from.dim(2) + left : nullptr;
      for (int64_t i = 0; i < (right - left) * c; ++i) d[i] = w ? w[i / c] * s[i] + (1.0f - w[i / c]) * d[i] : s[i];
    }
  }
  return out;
}

Tensor flip(const Tensor& t, bool vertical) {
  const Tensor from = contiguous(t);
  Tensor out(t.shape());
  const int64_t h = t.dim(1), w = t.dim(2), c = depth(t);
  for (int64_t n = 0; n < t.dim(0); ++n)
    for (int64_t y = 0; y < h; ++y)
      for (int64_t x = 0; x < w; ++x)
        std::memcpy(out.f32() + ((n * h + y) * w + x) * c,
                    from.f32() + ((n * h + (vertical ? h - 1 - y : y)) * w + (vertical ? x : w - 1 - x)) * c,
                    static_cast<size_t>(c) * sizeof(float));
  return out;
}

Tensor rotate(const Tensor& t, int quarters) {
  Tensor out = contiguous(t);
  for (int turn = 0; turn < quarters % 4; ++turn) {
    const Tensor from = out;
    const int64_t h = from.dim(1), w = from.dim(2), c = depth(from);
    out = Tensor(with_size(from, w, h));
    for (int64_t n = 0; n < from.dim(0); ++n)
      for (int64_t y = 0; y < w; ++y)
        for (int64_t x = 0; x < h; ++x)
          std::memcpy(out.f32() + ((n * w + y) * h + x) * c, from.f32() + ((n * h + (h - 1 - x)) * w + y) * c,
                      static_cast<size_t>(c) * sizeof(float));
  }
  return out;
}

}  // namespace easel::nodes
