#include "ops/cpu/tiles/emulated_tiles.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace easel::ops::cpu {
namespace {

thread_local std::array<EmulatedTile, kTileRegisters> t_tiles;
thread_local TileCounts t_counts;

EmulatedTile& configured(int tile) {
  EmulatedTile& t = t_tiles[static_cast<size_t>(tile)];
  if (t.rows == 0 || t.row_bytes == 0) throw std::logic_error("a matrix register is used before it is configured");
  return t;
}

// The registers of a product: C [rows][columns], A [rows][depth], B [depth][columns].
struct Operands {
  EmulatedTile &c, &a, &b;
  int rows = 0, depth = 0, columns = 0;
};

Operands operands(int c, int a, int b) {
  Operands o{.c = configured(c), .a = configured(a), .b = configured(b)};
  if (c == a || c == b || a == b || o.a.rows != o.c.rows || o.b.row_bytes != o.c.row_bytes ||
      o.a.row_bytes != 4 * o.b.rows || o.a.row_bytes % 4 != 0 || o.b.row_bytes % 4 != 0)
    throw std::logic_error("matrix registers of shapes that do not fit are multiplied");
  ++t_counts.products;
  o.rows = o.c.rows;
  o.depth = o.b.rows;
  o.columns = o.c.row_bytes / 4;
  return o;
}

// Four sums side by side, which every processor adds at once, and a row of a register.
using Four = float __attribute__((vector_size(16)));
using FourBits = int32_t __attribute__((vector_size(16)));
constexpr int kFours = kTileLanes / 4;
struct Row {
  Four part[kFours] = {};
};

// Flushes denormals to a zero of the same sign.
inline Four flushed(Four x) {
  const FourBits magnitude = (FourBits)x & 0x7fffffff;
  const FourBits denormal = (Four)magnitude < std::numeric_limits<float>::min();  // not for what is not a number
  return (Four)((FourBits)x & ~(denormal & 0x7fffffff));
}
template <bool kFlush>
inline Four settled(Four x) {
  if constexpr (kFlush) return flushed(x);
  return x;
}

// The pairs of bf16 of a register as f32, denormals flushed.
struct Pairs {
  alignas(16) float even[kTileRows][kTileLanes], odd[kTileRows][kTileLanes];
  int least_exponent = 0;  // of what is not zero, as its bits say
};

void widen(const EmulatedTile& t, Pairs& out) {
  constexpr uint32_t kMagnitude = 0x7fffffffu, kExponent = 0x7f800000u, kUpper = 0xffff0000u;
  const auto kept = [](uint32_t bits) { return (bits & kExponent) == 0 ? bits & ~kMagnitude : bits; };
  uint32_t least = ~0u;  // one less than the least magnitude, which for zeros is the largest number
  for (int r = 0; r < t.rows; ++r) {
    uint32_t pairs[kTileLanes], even[kTileLanes], odd[kTileLanes];
    std::memcpy(pairs, t.bytes[r], sizeof pairs);
    for (int i = 0; i < kTileLanes; ++i) {
      even[i] = kept(pairs[i] << 16);
      odd[i] = kept(pairs[i] & kUpper);
      least = std::min({least, (even[i] & kMagnitude) - 1, (odd[i] & kMagnitude) - 1});
    }
    std::memcpy(out.even[r], even, sizeof even);
    std::memcpy(out.odd[r], odd, sizeof odd);
  }
  constexpr int kMantissaBits = 23;
  out.least_exponent = least == ~0u ? int{kExponent >> kMantissaBits} : static_cast<int>((least + 1) >> kMantissaBits);
}

// x times a row, added to sums.
template <bool kFlush>
inline void add_scaled(Row& sums, float x, const float* row) {
#pragma GCC unroll 4
  for (int i = 0; i < kFours; ++i) {
    Four values;
    std::memcpy(&values, row + 4 * i, sizeof values);
    sums.part[i] = settled<kFlush>(sums.part[i] + settled<kFlush>(x * values));
  }
}

// Every operation that writes a row of a register clears the rest of that row.
inline void finish_row(EmulatedTile& t, int row, const void* values) {
  if (t.row_bytes == kTileRowBytes) {
    std::memcpy(t.bytes[row], values, kTileRowBytes);
    return;
  }
  std::memset(t.bytes[row], 0, kTileRowBytes);
  std::memcpy(t.bytes[row], values, static_cast<size_t>(t.row_bytes));
}

template <bool kFlush>
void multiply_pairs(const Operands& o, const Pairs& a, const Pairs& b) {
  for (int m = 0; m < o.rows; ++m) {
    Row even, odd, sums;
    // A product of two bf16 values is exact in f32 unless it is denormal.
    for (int k = 0; k < o.depth; ++k) {
      add_scaled<kFlush>(even, a.even[m][k], b.even[k]);
      add_scaled<kFlush>(odd, a.odd[m][k], b.odd[k]);
    }
    std::memcpy(&sums, o.c.bytes[m], sizeof sums);
    for (int i = 0; i < kFours; ++i)
      sums.part[i] = flushed(flushed(sums.part[i]) + flushed(even.part[i] + odd.part[i]));
    finish_row(o.c, m, &sums);
  }
}

}  // namespace

EmulatedTile& emulated_tile(int tile) { return t_tiles[static_cast<size_t>(tile)]; }
TileCounts& emulated_counts() { return t_counts; }

void emulated_configure(const TileShapes& shapes) {
  if (shapes.palette != 1 || shapes.start_row != 0) throw std::logic_error("a configuration of unknown kind");
  ++t_counts.configurations;
  for (int i = 0; i < kTileRegisters; ++i) {
    if (shapes.rows[i] > kTileRows || shapes.row_bytes[i] > kTileRowBytes)
      throw std::logic_error("a matrix register of more rows or bytes than there are");
    EmulatedTile& t = emulated_tile(i);
    t.rows = shapes.rows[i];
    t.row_bytes = shapes.row_bytes[i];
    std::memset(t.bytes, 0, sizeof t.bytes);
  }
}

void emulated_release() {
  for (EmulatedTile& t : t_tiles) t.rows = t.row_bytes = 0;
}

void emulated_zero(int tile) {
  EmulatedTile& t = configured(tile);
  std::memset(t.bytes, 0, sizeof t.bytes);
}

void emulated_load(int tile, const void* from, int64_t step) {
  EmulatedTile& t = configured(tile);
  ++t_counts.loads;
  for (int r = 0; r < t.rows; ++r) finish_row(t, r, static_cast<const char*>(from) + r * step);
}

void emulated_store(int tile, void* to, int64_t step) {
  const EmulatedTile& t = configured(tile);
  ++t_counts.stores;
  for (int r = 0; r < t.rows; ++r)
    std::memcpy(static_cast<char*>(to) + r * step, t.bytes[r], static_cast<size_t>(t.row_bytes));
}

void emulated_multiply_bf16(int c, int a, int b) {
  const Operands o = operands(c, a, b);
  Pairs left, right;
  widen(o.a, left);
  widen(o.b, right);
  // Every product, and so every sum of them, is a multiple of 2^(the two exponents - 14). Where that is a normal number
  // nothing can become denormal on the way, and nothing need be looked at.
  constexpr int kBias = 127, kLeastNormal = -126, kBitsBelow = 14;
  if (left.least_exponent - kBias + right.least_exponent - kBias - kBitsBelow >= kLeastNormal)
    multiply_pairs<false>(o, left, right);
  else multiply_pairs<true>(o, left, right);
}

void emulated_multiply_bytes(int c, int a, int b) {
  const Operands o = operands(c, a, b);
  // 64 products of at most 255 x 128 are exact in f32 however they are summed.
  alignas(16) float weights[4 * kTileRows][kTileLanes];
  for (int k = 0; k < o.depth; ++k)
    for (int n = 0; n < kTileLanes; ++n)
      for (int i = 0; i < 4; ++i) weights[4 * k + i][n] = static_cast<int8_t>(o.b.bytes[k][4 * n + i]);
  for (int m = 0; m < o.rows; ++m) {
    Row products;
    for (int k = 0; k < 4 * o.depth; ++k) add_scaled<false>(products, o.a.bytes[m][k], weights[k]);
    uint32_t sums[kTileLanes];  // unsigned, because sums that are too large wrap round
    std::memcpy(sums, o.c.bytes[m], sizeof sums);
    for (int i = 0; i < kFours; ++i) {
      const FourBits whole = __builtin_convertvector(products.part[i], FourBits);
      for (int n = 0; n < 4; ++n) sums[4 * i + n] += static_cast<uint32_t>(whole[n]);
    }
    finish_row(o.c, m, sums);
  }
}

}  // namespace easel::ops::cpu
