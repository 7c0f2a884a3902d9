// The operations of tiles/shapes.h on arrays, with one set of registers for each thread. Slow: for tests on processors
// without matrix registers.
#pragma once

#include "ops/cpu/tiles/shapes.h"

namespace easel::ops::cpu {

struct EmulatedTile {
  int rows = 0, row_bytes = 0;
  alignas(64) uint8_t bytes[kTileRows][kTileRowBytes] = {};
};

// Register number `tile` of the calling thread.
EmulatedTile& emulated_tile(int tile);

// What the calling thread did since it was last set to zero.
struct TileCounts {
  int64_t configurations = 0, loads = 0, stores = 0, products = 0;
};
TileCounts& emulated_counts();

// The functions below by number, with the checks that the processor makes: using a register before configure(), or in
// a product with others whose shapes do not fit, is a mistake in a kernel and throws.
void emulated_configure(const TileShapes& shapes);
void emulated_release();
void emulated_zero(int tile);
void emulated_load(int tile, const void* from, int64_t step);
void emulated_store(int tile, void* to, int64_t step);
// With the processor's arithmetic: denormals are flushed to zero; the even and the odd values along the depth are
// summed separately, starting from zero, the two sums are added, and the result is added to C. Every operation rounds
// to nearest even.
void emulated_multiply_bf16(int c, int a, int b);
void emulated_multiply_bytes(int c, int a, int b);

struct EmulatedTiles {
  static void configure(const TileShapes& shapes) { emulated_configure(shapes); }
  static void release() { emulated_release(); }
  template <int T>
  static void zero() {
    emulated_zero(T);
  }
  template <int T>
  static void load(const void* from, int64_t step) {
    emulated_load(T, from, step);
  }
  template <int T>
  static void stream_load(const void* from, int64_t step) {
    emulated_load(T, from, step);
  }
  template <int T>
  static void store(void* to, int64_t step) {
    emulated_store(T, to, step);
  }
  template <int C, int A, int B>
  static void multiply_bf16() {
    emulated_multiply_bf16(C, A, B);
  }
  template <int C, int A, int B>
  static void multiply_bytes() {
    emulated_multiply_bytes(C, A, B);
  }
  static void prefetch_near(const void*) {}
  static void prefetch_far(const void*) {}
};

}  // namespace easel::ops::cpu
