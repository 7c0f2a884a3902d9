#include "models/vae/tiles.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/arithmetic/formula.h"

namespace easel::models {
namespace {

// Rounds half to even, as in Python.
int64_t rounded(double value) { return static_cast<int64_t>(std::nearbyint(value)); }

// Where tiles begin along a side: at every step; a tile that would reach beyond the end is moved back.
std::vector<int64_t> tile_starts(int64_t size, int64_t tile, int64_t overlap) {
  std::vector<int64_t> starts;
  for (int64_t at = 0; at < size; at += tile - overlap)
    starts.push_back(std::max<int64_t>(0, std::min(size - overlap, at)));
  return starts;
}

// Weights along one side of a tile's result: they rise over `feather` steps from each end. On sides shorter than the
// ramp, indices wrap around, as negative ones do in the reference.
std::vector<float> ramp(int64_t size, int64_t feather) {
  std::vector<float> weights(static_cast<size_t>(size), 1.0f);
  for (int64_t t = 0; t < feather; ++t) {
    const float factor = static_cast<float>((1.0 / static_cast<double>(feather)) * static_cast<double>(t + 1));
    if (t < size) weights[static_cast<size_t>(t)] *= factor;
    const int64_t from_end = size - 1 - t;
    const int64_t index = from_end >= 0 ? from_end : from_end + size;
    if (index >= 0 && from_end != -1) weights[static_cast<size_t>(index)] *= factor;
  }
  return weights;
}

// sum += tile * weight and total += weight, over the rectangle that begins at (y, x). sum [1,H,W,C], total [1,H,W,1].
void blend(const Tensor& tile, int64_t y, int64_t x, int64_t feather, const Tensor& sum, const Tensor& total) {
  const int64_t h = std::min(tile.dim(1), sum.dim(1) - y), w = std::min(tile.dim(2), sum.dim(2) - x);
  const auto weights = [&](int64_t side, int64_t used, const Shape& shape) {
    const std::vector<float> all = ramp(side, feather);
    return Tensor::of(shape, std::span(all).first(static_cast<size_t>(used))).to(sum.device());
  };
  const Tensor rows = weights(tile.dim(1), h, {1, h, 1, 1}), columns = weights(tile.dim(2), w, {1, 1, w, 1});
  const auto part = [&](const Tensor& t) { return t.slice(1, y, h).slice(2, x, w); };
  ops::update(
      part(sum), [](auto old, auto v, auto row, auto column) { return old + v * (row * column); },
      tile.slice(1, 0, h).slice(2, 0, w), rows, columns);
  ops::update(
      part(total), [](auto old, auto row, auto column) { return old + row * column; }, rows, columns);
}

}  // namespace

int tile_count(const Tiling& t, int64_t height, int64_t width) {
  const auto along = [&](int64_t size, int64_t tile) { return (size + tile - t.overlap - 1) / (tile - t.overlap); };
  return static_cast<int>(along(height, t.tile_height) * along(width, t.tile_width));
}

Tensor map_tiles(const Tensor& x, const Tiling& t, const std::function<Tensor(const Tensor&)>& fn,
                 const std::function<void()>& done) {
  if (t.overlap < 0 || t.tile_height <= t.overlap || t.tile_width <= t.overlap)
    throw Error(Fault::kInvalid, "tiles of " + std::to_string(t.tile_width) + " x " + std::to_string(t.tile_height) +
                                     " cannot overlap by " + std::to_string(t.overlap))
        .fix("Choose a larger tile or a smaller overlap");
  const int64_t height = rounded(static_cast<double>(x.dim(1)) * t.scale);
  const int64_t width = rounded(static_cast<double>(x.dim(2)) * t.scale);
  const int64_t feather = rounded(static_cast<double>(t.overlap) * t.scale);
  Tensor out;
  for (int64_t n = 0; n < x.dim(0); ++n) {
    Tensor sum, total;
    for (const int64_t y : tile_starts(x.dim(1), t.tile_height, t.overlap))
      for (const int64_t left : tile_starts(x.dim(2), t.tile_width, t.overlap)) {
        const Tensor cut = x.slice(0, n, 1)
                               .slice(1, y, std::min(t.tile_height, x.dim(1) - y))
                               .slice(2, left, std::min(t.tile_width, x.dim(2) - left));
        const Tensor tile = fn(contiguous(cut));
        if (!sum.defined()) {
          sum = Tensor::zeros({1, height, width, t.out_channels}, DType::kF32, tile.device());
          total = Tensor::zeros({1, height, width, 1}, DType::kF32, tile.device());
        }
        blend(tile, rounded(static_cast<double>(y) * t.scale), rounded(static_cast<double>(left) * t.scale), feather,
              sum, total);
        if (done) done();
      }
    if (!out.defined()) out = Tensor({x.dim(0), height, width, t.out_channels}, DType::kF32, sum.device());
    ops::update(
        out.slice(0, n, 1), [](auto, auto s, auto weight) { return s / weight; }, sum, total);
  }
  return out;
}

}  // namespace easel::models
