// Packed weights of this backend: rows of one output each, as shaders/tiles.glsl and shaders/byte_tiles.glsl read them.
#pragma once

#include <mutex>

#include "base/round.h"
#include "ops/vulkan/backend.h"

namespace easel::ops::vulkan {

struct LinearWeights final : PackedLinear {
  Tensor weight, bias;                 // [out, in] in the compute type, f32 [out] or undefined
  VulkanBackend::Quantised quantised;  // in place of `weight`
};

struct ConvWeights final : PackedConv {
  uint64_t executed(uint64_t flops) const override { return folded ? flops / 9 * 4 : flops; }

  Tensor weight, bias;  // [out, kernel, kernel, in], f32 [out] or undefined
  VulkanBackend::Quantised quantised;
  // For calls that enlarge: `weight` is [4, out, 2, 2, in], kernels over the small map (shaders/window.glsl).
  bool folded = false;
  // The same convolution with its own kernel, made when a call does not enlarge.
  mutable std::once_flag unfolding;
  mutable std::shared_ptr<const ConvWeights> unfolded;
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

// What a workgroup of matrices/matrix_tiles.glsl makes, or one of byte_matrix_tiles.glsl, whose lanes keep sums twice,
// as integers and scaled.
struct MatrixTile {
  static MatrixTile of_floats(const MatrixShape& matrix, bool gated) { return {matrix, gated ? 2u : 4u, 2, 2, gated}; }
  static MatrixTile of_bytes(const MatrixShape& matrix, bool gated) {
    return {matrix, gated ? 1u : 2u, matrix.k > 0 ? 64 / matrix.k : 1, 1, gated};
  }
  static constexpr uint32_t kSubgroups = 4, kDown = 2, kRows = 2;
  int64_t height() const { return static_cast<int64_t>(kDown * kRows * matrix.m); }
  int64_t width() const { return static_cast<int64_t>(kSubgroups / kDown * columns * matrix.n); }
  int64_t tiles(int64_t all_rows, int64_t all_columns) const {
    return ceil_div(all_rows, height()) * ceil_div(all_columns, width());
  }
  // Whether the device has room for such a workgroup, with what it declares as shared.
  bool fits(const GpuDescription& gpu) const;
  const MatrixShape matrix;
  const uint32_t columns, steps, element_bytes;
  const bool gated;
};

}  // namespace easel::ops::vulkan
