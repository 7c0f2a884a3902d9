// How a convolution is cut into tiles that one thread computes from a small copy of the map.
#pragma once

#include "tensor/tensor.h"

namespace easel::ops::cpu {

// A convolution as the tiles see it: a window of `kernel` steps over a map of h x w, zeros around it.
struct Geometry {
  int64_t n, h, w, channels;  // the map, enlarged if so asked
  int64_t out_h, out_w;       // positions of the window
  int64_t kernel, stride, pad;
  int64_t element;  // bytes
  bool upsample;    // the map is x, enlarged 2x

  // Pixels of the map seen by `count` neighbouring positions.
  int64_t window(int64_t count) const { return (count - 1) * stride + kernel; }
  int64_t pixel_bytes() const { return channels * element; }
  int64_t row_bytes(int64_t columns) const { return (window(columns) * pixel_bytes() + 63) / 64 * 64; }
};

// Tiles of `samples` x `rows` x `columns` positions.
struct Tiling {
  int64_t samples = 1, rows = 1, columns = 1;
  int64_t across = 1, down = 1, deep = 1;  // tiles in each direction
  int64_t count() const { return across * down * deep; }
};

// Large tiles, but no larger than the L2 cache and `max_positions` allow, and enough of them, with `parts`
// tasks in each, for all threads.
Tiling choose_tiling(const Geometry& g, int64_t max_positions, int64_t parts);

// Tile number `index`, cut off at the edges.
struct Tile {
  int64_t n, y, x, samples, rows, columns;
  int64_t positions() const { return samples * rows * columns; }
};
Tile tile_at(const Geometry& g, const Tiling& t, int64_t index);

// What the tile's windows see: for each sample window(rows) rows of row_bytes(columns), zeros outside of the
// map, and 64 more zeros at the end. In memory of the calling thread.
const char* copy_strip(const Tensor& x, const Geometry& g, const Tile& tile);

}  // namespace easel::ops::cpu
