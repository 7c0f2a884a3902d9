#include "models/layers/map_windows.h"

#include <algorithm>
#include <vector>

#include "base/cancel.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/resample.h"
#include "ops/attention.h"
#include "ops/elementwise.h"
#include "tensor/claimed_vector.h"

namespace easel::models::layers {

Tensor cut_into_windows(const Tensor& map, int64_t height, int64_t width) {
  const int64_t n = map.dim(0), rows = map.dim(1) / height, columns = map.dim(2) / width, c = map.dim(3);
  return contiguous(contiguous(map).view({n, rows, height, columns, width, c}).permute({0, 1, 3, 2, 4, 5}))
      .view({n * rows * columns, height * width, c});
}

Tensor joined_windows(const Tensor& windows, int64_t height, int64_t width, int64_t map_height, int64_t map_width) {
  const int64_t rows = map_height / height, columns = map_width / width, c = windows.dim(2);
  const int64_t n = windows.dim(0) / (rows * columns);
  return contiguous(contiguous(windows).view({n, rows, columns, height, width, c}).permute({0, 1, 3, 2, 4, 5}))
      .view({n, map_height, map_width, c});
}

Tensor rolled(const Tensor& map, int64_t down, int64_t right) {
  if (down == 0 && right == 0) return map;
  const auto taps = [](int64_t side, int64_t by) {
    ops::Taps out;
    for (int64_t i = 0; i < side; ++i) out.index.push_back(((i + by) % side + side) % side);
    return out;
  };
  return ops::resample(map, taps(map.dim(1), down), taps(map.dim(2), right));
}

namespace {

constexpr float kApart = -100;

// The last window's side is in two parts: what was at this end before, and what came round.
int part(int64_t at, int64_t side, int64_t window, int64_t by) {
  return by == 0 || at < side - window ? 0 : at < side - by ? 1 : 2;
}

}  // namespace

Tensor scores_between_parts(const RolledWindows& w, int64_t first, int64_t count) {
  const int64_t columns = w.map_width / w.width, pixels = w.height * w.width;
  Tensor out({count, pixels, pixels});
  float* at = out.f32();
  std::vector<int> parts(static_cast<size_t>(pixels));
  for (int64_t n = first; n < first + count; ++n) {
    poll_cancelled();
    for (int64_t i = 0; i < pixels; ++i)
      parts[static_cast<size_t>(i)] = 3 * part(n / columns * w.height + i / w.width, w.map_height, w.height, w.down) +
                                      part(n % columns * w.width + i % w.width, w.map_width, w.width, w.right);
    for (const int a : parts)
      for (const int b : parts) *at++ = a == b ? 0.0f : kApart;
  }
  return out;
}

bool have_parts(const RolledWindows& w, int64_t first, int64_t count) {
  const int64_t rows = w.map_height / w.height, columns = w.map_width / w.width;
  for (int64_t n = first; n < first + count; ++n)
    if ((w.down != 0 && n / columns == rows - 1) || (w.right != 0 && n % columns == columns - 1)) return true;
  return false;
}

Tensor attention_in_windows(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, const Tensor& relative,
                            const RolledWindows* rolled) {
  constexpr int64_t kAtOnce = 32;
  const int64_t n = q.dim(0), t = q.dim(1), s = k.dim(1);
  Tensor out(q.shape(), q.dtype(), q.device()), all;
  for (int64_t first = 0; first < n; first += kAtOnce) {
    poll_cancelled();
    const int64_t count = std::min(kAtOnce, n - first);
    const Shape whole{count, heads, t, s}, flat{count * heads, t, s};
    if (relative.defined() && (!all.defined() || all.dim(0) != count))
      all = contiguous(relative.view({1, heads, t, s}).expand(whole));
    Tensor bias = all.defined() ? all.view(flat) : Tensor();
    if (rolled && have_parts(*rolled, first, count)) {
      const Tensor parts = scores_between_parts(*rolled, first, count).to(q.device());
      bias = all.defined() ? ops::add(all, parts.view({count, 1, t, s})).view(flat) : parts;
    }
    const auto some = [&](const Tensor& x) { return x.slice(0, first, count); };
    ops::copy(ops::attention(some(q), some(k), some(v), heads, {.bias = bias}), some(out));
  }
  return out;
}

Tensor relative_scores(const Tensor& table, int64_t height, int64_t width) {
  const int64_t heads = table.dim(1), pixels = height * width, along = 2 * width - 1;
  ClaimedVector<int32_t> rows;
  rows.reserve(static_cast<size_t>(pixels * pixels));
  for (int64_t a = 0; a < pixels; ++a) {
    poll_cancelled();
    for (int64_t b = 0; b < pixels; ++b)
      rows.push_back(
          static_cast<int32_t>((a / width - b / width + height - 1) * along + a % width - b % width + width - 1));
  }
  return contiguous(ops::embedding(table, rows, DType::kF32).view({pixels, pixels, heads}).permute({2, 0, 1}));
}

}  // namespace easel::models::layers
