#include "image/inpaint/mask_shapes.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/parallel.h"
#include "image/edit/pictures.h"

namespace easel::image {
namespace {

// The extremes of `size` values around each of `count`, which lie `step` apart in `from` and in `to`.
template <class Pick>
void extremes_along(const float* from, float* to, int64_t count, int64_t step, int64_t size, const Pick& pick) {
  for (int64_t i = 0; i < count; ++i) {
    const int64_t begin = std::max<int64_t>(0, i - size / 2), end = std::min(count, i - size / 2 + size);
    float best = from[begin * step];
    for (int64_t k = begin + 1; k < end; ++k) best = pick(best, from[k * step]);
    to[i * step] = best;
  }
}

template <class Pick>
Tensor extremes(const Tensor& mask, int64_t size, const Pick& pick) {
  const Tensor in = contiguous(mask);
  Tensor rows(in.shape()), out(in.shape());
  const int64_t height = in.dim(1), width = in.dim(2);
  parallel_for(in.dim(0) * height, 1, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line)
      extremes_along(in.f32() + line * width, rows.f32() + line * width, width, 1, size, pick);
  });
  parallel_for(in.dim(0) * width, 1, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      const int64_t first = line / width * height * width + line % width;
      extremes_along(rows.f32() + first, out.f32() + first, height, width, size, pick);
    }
  });
  return out;
}

// Sets to 0 what is reached from the border of one mask over pixels that are not above 0. `out` is all 1.
void empty_from_border(const float* mask, float* out, int64_t height, int64_t width) {
  std::vector<std::pair<int64_t, int64_t>> edge;
  const auto reach = [&](int64_t y, int64_t x) {
    if (y < 0 || y >= height || x < 0 || x >= width || out[y * width + x] == 0.0f || mask[y * width + x] > 0.0f) return;
    out[y * width + x] = 0.0f;
    edge.emplace_back(y, x);
  };
  for (int64_t x = 0; x < width; ++x) {
    reach(0, x);
    reach(height - 1, x);
  }
  for (int64_t y = 0; y < height; ++y) {
    reach(y, 0);
    reach(y, width - 1);
  }
  constexpr uint32_t kPixels = 1 << 16;  // between two looks at whether the work is to stop
  for (uint32_t seen = 0; !edge.empty(); ++seen) {
    if (seen % kPixels == 0) poll_cancelled();
    const auto [y, x] = edge.back();
    edge.pop_back();
    reach(y - 1, x);
    reach(y + 1, x);
    reach(y, x - 1);
    reach(y, x + 1);
  }
}

}  // namespace

Tensor extreme_in_window(const Tensor& mask, int64_t size, Extreme which) {
  require_mask(mask, "the mask to be grown or shrunk");
  if (size < 1) throw Error(Fault::kInvalid, "a window of " + std::to_string(size) + " pixels has no extreme");
  if (which == Extreme::kLargest) return extremes(mask, size, [](float a, float b) { return std::max(a, b); });
  return extremes(mask, size, [](float a, float b) { return std::min(a, b); });
}

Tensor without_holes(const Tensor& mask) {
  require_mask(mask, "the mask whose holes are to be filled");
  const Tensor in = contiguous(mask);
  Tensor out = Tensor::full(in.shape(), 1.0f);
  const int64_t pixels = in.dim(1) * in.dim(2);
  for (int64_t n = 0; n < in.dim(0); ++n)
    empty_from_border(in.f32() + n * pixels, out.f32() + n * pixels, in.dim(1), in.dim(2));
  return out;
}

Box bounds_of(const Tensor& mask) {
  require_mask(mask, "mask");
  const Tensor in = contiguous(mask.slice(0, 0, 1));
  const int64_t height = in.dim(1), width = in.dim(2);
  int64_t left = width, right = 0, top = height, bottom = 0;
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      if (in.f32()[y * width + x] == 0.0f) continue;
      left = std::min(left, x);
      right = std::max(right, x + 1);
      top = std::min(top, y);
      bottom = std::max(bottom, y + 1);
    }
  if (right == 0) return {};
  return {left, top, right - left, bottom - top};
}

}  // namespace easel::image
