#include "ops/cpu/product/conv_tiles.h"

#include <algorithm>
#include <cstring>

#include "base/round.h"
#include "ops/cpu/scratch.h"

namespace easel::ops::cpu {
namespace {

constexpr int64_t kStripBytes = 1 << 20;
constexpr int64_t kTileWidth = 64;       // most positions in a row of a tile
constexpr int64_t kTilePositions = 300;  // preferred size of a tile
constexpr int64_t kFewPositions = 96;    // smaller tiles would read the weights too often

// Copies the window of `rows` x `columns` pixels at (y0, x0) of one sample's map, with zeros outside of the map.
void copy_window(const Tensor& x, const Geometry& g, int64_t sample, int64_t y0, int64_t rows, int64_t x0,
                 int64_t columns, int64_t row_bytes, char* to) {
  const auto pixel = static_cast<size_t>(g.pixel_bytes());
  const int64_t left = std::clamp<int64_t>(-x0, 0, columns), right = std::clamp<int64_t>(g.w - x0, left, columns);
  const auto* base = static_cast<const char*>(x.raw()) + sample * x.stride(0) * g.element;
  const int64_t row_step = x.stride(1) * g.element, pixel_step = x.stride(2) * g.element;
  for (int64_t r = 0; r < rows; ++r, to += row_bytes) {
    const int64_t y = y0 + r;
    if (y < 0 || y >= g.h || left == right) {
      std::memset(to, 0, static_cast<size_t>(row_bytes));
      continue;
    }
    const size_t before = static_cast<size_t>(left) * pixel, inside = static_cast<size_t>(right - left) * pixel;
    std::memset(to, 0, before);
    const char* row = base + (g.upsample ? y / 2 : y) * row_step;
    if (!g.upsample && pixel_step == g.pixel_bytes()) {
      std::memcpy(to + before, row + (x0 + left) * pixel_step, inside);
    } else {
      for (int64_t c = left; c < right; ++c)
        std::memcpy(to + static_cast<size_t>(c) * pixel, row + (g.upsample ? (x0 + c) / 2 : x0 + c) * pixel_step,
                    pixel);
    }
    std::memset(to + before + inside, 0, static_cast<size_t>(row_bytes) - before - inside);
  }
}

}  // namespace

Tiling choose_tiling(const Geometry& g, int64_t max_positions, int64_t parts) {
  Tiling t;
  t.columns = ceil_div(g.out_w, ceil_div(g.out_w, std::min(kTileWidth, max_positions)));
  const auto fits = [&](const Tiling& bigger) {
    return bigger.samples * bigger.rows * bigger.columns <= max_positions &&
           bigger.samples * g.window(bigger.rows) * g.row_bytes(bigger.columns) <= kStripBytes;
  };
  const auto grow = [&](int64_t Tiling::*size, int64_t limit) {
    while (t.*size < limit && t.samples * t.rows * t.columns < kTilePositions) {
      Tiling bigger = t;
      ++(bigger.*size);
      if (!fits(bigger)) return;
      t = bigger;
    }
  };
  grow(&Tiling::rows, g.out_h);
  if (t.rows == g.out_h && t.columns == g.out_w) grow(&Tiling::samples, g.n);
  const auto tiles = [&] {
    return ceil_div(g.out_w, t.columns) * ceil_div(g.out_h, t.rows) * ceil_div(g.n, t.samples);
  };
  while (t.rows > 1 && t.rows * t.columns > kFewPositions && tiles() * parts < 4 * thread_count()) --t.rows;
  t.rows = ceil_div(g.out_h, ceil_div(g.out_h, t.rows));  // tiles of equal height, so that threads finish together
  t.across = ceil_div(g.out_w, t.columns);
  t.down = ceil_div(g.out_h, t.rows);
  t.deep = ceil_div(g.n, t.samples);
  return t;
}

Tile tile_at(const Geometry& g, const Tiling& t, int64_t index) {
  const int64_t x = index % t.across * t.columns, y = index / t.across % t.down * t.rows;
  const int64_t n = index / (t.across * t.down) * t.samples;
  return {.n = n,
          .y = y,
          .x = x,
          .samples = std::min(t.samples, g.n - n),
          .rows = std::min(t.rows, g.out_h - y),
          .columns = std::min(t.columns, g.out_w - x)};
}

const char* copy_strip(const Tensor& x, const Geometry& g, const Tile& tile) {
  const int64_t row_bytes = g.row_bytes(tile.columns), rows = g.window(tile.rows);
  char* strip = thread_scratch<char>(ScratchUse::kRows, tile.samples * rows * row_bytes + 64);
  std::memset(strip + tile.samples * rows * row_bytes, 0, 64);
  for (int64_t s = 0; s < tile.samples; ++s)
    copy_window(x, g, tile.n + s, tile.y * g.stride - g.pad, rows, tile.x * g.stride - g.pad, g.window(tile.columns),
                row_bytes, strip + s * rows * row_bytes);
  return strip;
}

}  // namespace easel::ops::cpu
