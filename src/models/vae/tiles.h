// Evaluates a map in overlapping tiles and blends the results.
#pragma once

#include <functional>

#include "tensor/tensor.h"

namespace easel::models {

struct Tiling {
  int64_t tile_height = 0, tile_width = 0;  // of the input
  int64_t overlap = 0;                      // input pixels that two neighbours share
  double scale = 1;                         // output pixels per input pixel along a side
  int64_t out_channels = 0;
};

// Number of tiles per picture.
int tile_count(const Tiling& tiling, int64_t height, int64_t width);

// x [N,H,W,C] -> [N, H*scale, W*scale, out_channels] f32: `fn` maps one tile [1,h,w,C] to [1, h*scale, w*scale,
// out_channels] f32. The results are averaged on their device, weighted by a ramp over the overlap at each edge. `done`
// is called after each tile. The arithmetic (positions of tiles, ramps) is that of ComfyUI's tiled_scale.
// Throws Error(kInvalid) unless tiles are larger than the overlap.
Tensor map_tiles(const Tensor& x, const Tiling& tiling, const std::function<Tensor(const Tensor&)>& fn,
                 const std::function<void()>& done = {});

}  // namespace easel::models
