// Cuts a convolution into tiles, each of which one thread computes from a small copy of its part of the map.
#pragma once

#include "tensor/tensor.h"

namespace easel::ops::cpu {

// The geometry of a convolution: a window of `kernel` x `kernel` pixels over zero-padded maps of h x w pixels.
struct Geometry {
  int64_t n, h, w, channels;  // the maps, after any enlargement
  int64_t out_h, out_w;       // positions of the window
  int64_t kernel, stride, pad;
  int64_t element;  // bytes
  bool upsample;    // the maps are x enlarged 2x

  // Pixels of the map under the windows of `count` neighbouring positions.
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

// Chooses tiles as large as the L2 cache and `max_positions` allow, but small enough that all threads have work when
// each tile is split into `parts` tasks.
Tiling choose_tiling(const Geometry& g, int64_t max_positions, int64_t parts);

// Tile number `index`, clipped at the edges of the output.
struct Tile {
  int64_t n, y, x, samples, rows, columns;
  int64_t positions() const { return samples * rows * columns; }
};
Tile tile_at(const Geometry& g, const Tiling& t, int64_t index);

// Copies the pixels under the tile's windows: for each sample window(rows) rows of row_bytes(columns) bytes with zeros
// outside of the map, and 64 bytes of zeros at the end. The memory belongs to the calling thread.
const char* copy_strip(const Tensor& x, const Geometry& g, const Tile& tile);

}  // namespace easel::ops::cpu
