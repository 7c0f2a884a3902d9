#include "ops/cpu/tiles/emulated_tiles.h"

#include <array>
#include <cmath>
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

// Flushes denormals to a zero of the same sign.
inline float flushed(float x) { return std::fabs(x) < std::numeric_limits<float>::min() ? x * 0.0f : x; }

inline float widen(uint32_t upper_half) {
  float x;
  std::memcpy(&x, &upper_half, sizeof x);
  return flushed(x);
}

template <class T>
T lane_of(const EmulatedTile& t, int row, int lane) {
  T value;
  std::memcpy(&value, t.bytes[row] + 4 * lane, sizeof value);
  return value;
}

// Every operation that writes a row of a register clears the rest of that row.
void finish_row(EmulatedTile& t, int row, const void* values) {
  std::memset(t.bytes[row], 0, kTileRowBytes);
  std::memcpy(t.bytes[row], values, static_cast<size_t>(t.row_bytes));
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
  float b_even[kTileRows][kTileLanes] = {}, b_odd[kTileRows][kTileLanes] = {};
  for (int k = 0; k < o.depth; ++k)
    for (int n = 0; n < o.columns; ++n) {
      const auto pair = lane_of<uint32_t>(o.b, k, n);
      b_even[k][n] = widen(pair << 16);
      b_odd[k][n] = widen(pair & 0xffff0000u);
    }
  for (int m = 0; m < o.rows; ++m) {
    float even[kTileLanes] = {}, odd[kTileLanes] = {}, sums[kTileLanes] = {};
    for (int k = 0; k < o.depth; ++k) {
      const auto pair = lane_of<uint32_t>(o.a, m, k);
      const float a_even = widen(pair << 16), a_odd = widen(pair & 0xffff0000u);
      // A product of two bf16 values is exact in f32 unless it is denormal.
      for (int n = 0; n < kTileLanes; ++n) {
        even[n] = flushed(even[n] + flushed(a_even * b_even[k][n]));
        odd[n] = flushed(odd[n] + flushed(a_odd * b_odd[k][n]));
      }
    }
    std::memcpy(sums, o.c.bytes[m], sizeof sums);
    for (int n = 0; n < kTileLanes; ++n) sums[n] = flushed(flushed(sums[n]) + flushed(even[n] + odd[n]));
    finish_row(o.c, m, sums);
  }
}

void emulated_multiply_bytes(int c, int a, int b) {
  const Operands o = operands(c, a, b);
  for (int m = 0; m < o.rows; ++m) {
    uint32_t sums[kTileLanes];  // unsigned, because sums that are too large wrap round
    std::memcpy(sums, o.c.bytes[m], sizeof sums);
    for (int k = 0; k < o.depth; ++k)
      for (int i = 0; i < 4; ++i) {
        const int value = o.a.bytes[m][4 * k + i];
        for (int n = 0; n < o.columns; ++n)
          sums[n] += static_cast<uint32_t>(value * static_cast<int8_t>(o.b.bytes[k][4 * n + i]));
      }
    finish_row(o.c, m, sums);
  }
}

}  // namespace easel::ops::cpu
