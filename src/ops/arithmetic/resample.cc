#include "ops/arithmetic/resample.h"

#include <algorithm>
#include <cmath>

#include "ops/check.h"
#include "ops/counters.h"

namespace easel::ops {
namespace {

void check_taps(const Taps& taps, int64_t size) {
  const bool whole = taps.count >= 1 && static_cast<int64_t>(taps.index.size()) == taps.size() * taps.count;
  const bool weighed = taps.weight.empty() ? taps.count == 1 : taps.weight.size() == taps.index.size();
  const bool inside = std::all_of(taps.index.begin(), taps.index.end(), [&](int64_t i) { return i >= 0 && i < size; });
  if (!whole || !weighed || !inside) reject("resample", "taps that do not fit a side of " + std::to_string(size));
}

}  // namespace

Taps nearest_taps(int64_t from, int64_t to) {
  const float step = static_cast<float>(from) / static_cast<float>(to);
  Taps taps;
  for (int64_t i = 0; i < to; ++i)
    taps.index.push_back(std::min(static_cast<int64_t>(std::floor(static_cast<float>(i) * step)), from - 1));
  return taps;
}

Tensor resample(const Tensor& x, const Taps& rows, const Taps& columns) {
  check_float("resample", x);
  if (x.rank() != 4) reject("resample", x.str() + " is no [N,H,W,C]");
  check_taps(rows, x.dim(1));
  check_taps(columns, x.dim(2));
  const Backend& backend = backend_of("resample", x);
  CountOp count(OpKind::kMovement);
  Tensor out({x.dim(0), rows.size(), columns.size(), x.dim(3)}, x.dtype(), x.device());
  if (out.numel() == 0) return out;
  backend.resample(x, rows, columns, out);
  count.add(0, 0, x.nbytes() + out.nbytes());
  return out;
}

Tensor scale_low_frequencies(const Tensor& x, float by) {
  check_float("scale_low_frequencies", x);
  if (x.rank() != 4) reject("scale_low_frequencies", x.str() + " is no [N,H,W,C]");
  const Backend& backend = backend_of("scale_low_frequencies", x);
  CountOp count(OpKind::kPointwise);
  Tensor out(x.shape(), x.dtype(), x.device());
  if (out.numel() == 0) return out;
  backend.scale_low_frequencies(x, by, out);
  count.add(0, 0, 2 * x.nbytes());
  return out;
}

}  // namespace easel::ops
