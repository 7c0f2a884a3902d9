// Self-attention in tiles, which takes less time on large pictures.
#pragma once

#include <cstdint>
#include <utility>

#include "models/model_patch.h"
#include "models/unet/unet.h"

namespace easel::models {

struct HyperTile {
  int64_t tile_size = 256;   // pixels of the picture
  int64_t swap_size = 2;     // from how many numbers of tiles along a side each attention draws one
  int64_t max_depth = 0;     // 0: the finest level only, 1: the next as well, ...
  bool scale_depth = false;  // tiles of deeper levels are larger
};

// The two sides that ComfyUI takes a map of `tokens` tokens to have, whose latent is `aspect` times as wide as it is
// high. The first is that of the rows, by name; of maps that are not square it is the longer one of a wide picture.
std::pair<int64_t, int64_t> tiled_sides(int64_t tokens, double aspect);
// How many tiles lie along a side of `size` tokens: `size` divided by one of the `options` smallest divisors that are
// not below `least`, drawn by Python's random numbers for this seed.
int64_t tiles_along(int64_t size, int64_t least, int64_t options, uint64_t seed);

// The queries of a tile see the keys of as many tokens, counted row by row: those of their own tile if it takes up
// whole rows, and of others if not, as in ComfyUI (after T. Fernandes' HyperTile). The seeds of the draws count from 1
// in every run.
ModelPatchPtr hyper_tile(const HyperTile& options, const UNetConfig& config);

}  // namespace easel::models
