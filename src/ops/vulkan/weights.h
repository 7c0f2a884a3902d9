// Packed weights of this backend: rows of one output each, as shaders/tiles.glsl and shaders/byte_tiles.glsl read them.
#pragma once

#include "base/round.h"
#include "ops/vulkan/backend.h"

namespace easel::ops::vulkan {

struct LinearWeights final : PackedLinear {
  Tensor weight, bias;                 // [out, in] in the compute type, f32 [out] or undefined
  VulkanBackend::Quantised quantised;  // in place of `weight`
};

struct ConvWeights final : PackedConv {
  Tensor weight, bias;  // [out, kernel, kernel, in], f32 [out] or undefined
  VulkanBackend::Quantised quantised;
};

// How a workgroup divides a tile of a product (shaders/tiles.glsl).
struct Tile {
  uint32_t threads, rows, columns, across, depth;
  int64_t height() const { return static_cast<int64_t>(threads / across * rows); }
  int64_t width() const { return static_cast<int64_t>(across * columns); }
  int64_t tiles(int64_t all_rows, int64_t all_columns) const {
    return ceil_div(all_rows, height()) * ceil_div(all_columns, width());
  }
};

Tile tile_for(const GpuDescription& gpu, int64_t rows, int64_t columns, bool gated);

// What a workgroup of matrices/matrix_tiles.glsl makes.
struct MatrixTile {
  MatrixTile(const GpuDescription& gpu, bool gated) : matrix(gpu.matrix), columns(gated ? 2 : 4) {}
  static constexpr uint32_t kSubgroups = 4, kDown = 2, kRows = 2, kSteps = 2;
  int64_t height() const { return static_cast<int64_t>(kDown * kRows * matrix.m); }
  int64_t width() const { return static_cast<int64_t>(kSubgroups / kDown * columns * matrix.n); }
  // Whether the device has room for such a workgroup, with what it declares as shared.
  bool fits(const GpuDescription& gpu, bool gated) const;
  const MatrixShape matrix;
  const uint32_t columns;
};

}  // namespace easel::ops::vulkan
