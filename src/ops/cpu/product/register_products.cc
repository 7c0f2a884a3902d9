// What the processor can do at best: the loops that the kernels consist of, without anything around them.
#include <cstring>

#include "base/parallel.h"
#include "ops/cpu/kernels/kernels.h"
#include "ops/cpu/kernels/types.h"
#include "ops/cpu/product/product.h"
#include "ops/cpu/scratch.h"
#include "ops/cpu/tiles/shapes.h"

namespace easel::ops::cpu {
namespace {

// Four products of matrix registers at a time.
uint64_t loop_over_tiles(const Kernels& k, DType type) {
  const int64_t rounds = is_emulated(isa()) ? 16 : 1 << 16;
  const int64_t threads = thread_count();
  parallel_for(threads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) k.tile_register_loop[type_index(type)](rounds);
  });
  const int64_t depth = kTileLanes * values_in_lane(type);
  return static_cast<uint64_t>(threads * rounds * 4 * 2 * kTileRows * kTileLanes * depth);
}

// The block of sums that fills the vector registers, over 16 KiB of weights and six short rows.
uint64_t loop_over_vectors(const Kernels& k, DType type) {
  const int64_t lanes = (16 << 10) / (k.panel * 4), rounds = 1 << 10, threads = thread_count();
  const int64_t vectors = k.panel / k.vec;
  parallel_for(threads, 1, [&](int64_t begin, int64_t end) {
    float* memory = thread_scratch<float>(ScratchUse::kSums, (lanes + kMaxTileRows) * k.panel + kMaxTileRows * lanes);
    float *out = memory + lanes * k.panel, *rows = out + kMaxTileRows * k.panel;
    std::memset(memory, 0, static_cast<size_t>(lanes * k.panel) * sizeof(float));
    std::memset(rows, 0, static_cast<size_t>(kMaxTileRows * lanes) * sizeof(float));
    const int64_t none = 0;
    int64_t offsets[kMaxTileRows];
    for (int64_t r = 0; r < kMaxTileRows; ++r) offsets[r] = r * lanes * 4;
    const PanelTile tile{.a = reinterpret_cast<const char*>(rows),
                         .row_offset = offsets,
                         .tap_offset = &none,
                         .lanes = lanes,
                         .weights = memory,
                         .out = out,
                         .out_stride = k.panel};
    for (int64_t i = begin; i < end; ++i)
      for (int64_t round = 0; round < rounds; ++round)
        k.panel_tile[type_index(type)][kMaxTileRows - 1][vectors - 1](tile);
  });
  return static_cast<uint64_t>(threads * rounds * 2 * kMaxTileRows * k.panel * lanes * values_in_lane(type));
}

}  // namespace

uint64_t register_products(DType type) {
  const Kernels& k = kernels();
  return k.tile_register_loop[type_index(type)] ? loop_over_tiles(k, type) : loop_over_vectors(k, type);
}

}  // namespace easel::ops::cpu
