// The body of every kernels_LEVEL.cc: all kernels, compiled for the level of that file, and the table of them.
#include "ops/cpu/kernels/kernels.h"
#include "ops/cpu/kernels/simd.h"

// Each file uses those before it.
// clang-format off
#include "ops/cpu/kernels/panel_tile.inl"
#if defined(EASEL_PAIRED_LANES)
#include "ops/cpu/kernels/arm64/paired_tile.inl"
#endif
#include "ops/cpu/kernels/byte_kernels.inl"
#include "ops/cpu/kernels/finish_tile.inl"
#include "ops/cpu/kernels/pack_kernels.inl"
#include "ops/cpu/kernels/attention_kernels.inl"
#include "ops/cpu/kernels/norm_kernels.inl"
#include "ops/cpu/kernels/pointwise_kernels.inl"
#include "ops/cpu/kernels/winograd_kernels.inl"
#if defined(EASEL_TILES)
#include "ops/cpu/kernels/tile_kernels.inl"
#endif
// clang-format on

namespace easel::ops::cpu {
namespace EASEL_ISA {

template <int kType, int kRows, int kVecs>
constexpr auto tile_of() {
#if defined(EASEL_PAIRED_LANES)
  if constexpr (kType != 0) return paired_tile<kType, kRows, kVecs>;
  else
#endif
    return panel_tile<kType, kRows, kVecs>;
}

template <int kType, int kRows>
static void fill_row(Kernels& k) {
  auto& row = k.panel_tile[kType][kRows - 1];
  row[0] = tile_of<kType, kRows, 1>();
  row[1] = tile_of<kType, kRows, 2>();
  if constexpr (kPanelVecs == 4) {
    row[2] = tile_of<kType, kRows, 3>();
    row[3] = tile_of<kType, kRows, 4>();
  }
}

template <int kType>
static void fill_tiles(Kernels& k) {
  fill_row<kType, 1>(k);
  fill_row<kType, 2>(k);
  fill_row<kType, 3>(k);
  fill_row<kType, 4>(k);
  fill_row<kType, 5>(k);
  fill_row<kType, 6>(k);
}

template <bool kBf16>
static void fill_type(Kernels& k) {
  constexpr int kType = kBf16 ? 1 : 0;
  fill_tiles<kType>(k);
  using Element = ElementOf<kBf16>;
  k.pack_lanes[kType] = pack_lanes<kBf16>;
  k.finish[kType] = finish_tile<Element>;
  k.quantise_rows[kType] = quantise_rows<Element>;
  k.pack_keys[kType] = pack_keys<kBf16>;
  k.pack_values[kType] = pack_values<kBf16>;
  k.softmax_block[kType] = softmax_block<kBf16>;
  k.finish_attention[kType] = finish_attention<Element>;
  k.norm_sums[kType] = norm_sums<Element>;
  k.norm_apply[kType][0] = norm_apply<Element, float>;
  k.norm_apply[kType][1] = norm_apply<Element, uint16_t>;
  k.layer_norm[kType][0] = layer_norm<Element, float>;
  k.layer_norm[kType][1] = layer_norm<Element, uint16_t>;
  k.map[kType] = map<Element>;
  k.winograd_input[kType] = winograd_input<Element>;
  k.zip[kType] = zip<Element>;
}

Kernels table() {
  Kernels k{};
  k.vec = kVec;
  k.panel = kPanel;
  fill_type<false>(k);
  fill_type<true>(k);
  fill_tiles<2>(k);
  k.dequantise = dequantise;
  k.pack_bytes = pack_bytes;
#if defined(__F16C__) || defined(__aarch64__)
  k.widen_half = widen_half;
#endif
#if defined(EASEL_PAIRED_LANES)
  k.pair_lanes = pair_lanes;
#endif
  k.transpose_rows = transpose_rows;
  k.transform_windows = transform_windows;
  k.bias_scores = bias_scores;
  k.winograd_output = winograd_output;
#if defined(EASEL_TILES)
  k.tile_product[1] = tile_product<1>;
  k.tile_product[2] = tile_product<2>;
  k.tile_release = tile_release;
  k.stage_rows = stage_rows;
  k.tile_register_loop[1] = tile_register_loop<1>;
  k.tile_register_loop[2] = tile_register_loop<2>;
#endif
  return k;
}

}  // namespace EASEL_ISA
}  // namespace easel::ops::cpu
