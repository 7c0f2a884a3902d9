// Matrix registers ("tiles"): eight registers of up to 16 rows of 64 bytes, and their products. The operations that the
// kernels need have two implementations with the same interface, HardwareTiles (the instructions of AMX) and
// EmulatedTiles (the same on arrays), so that kernels can be tested on every processor.
//
// The operations; T, C, A and B are numbers of registers:
//   configure(shapes)         sets the rows and the bytes per row of every register, and clears all of them
//   release()                 ends the use of the registers; their contents are lost
//   zero<T>()
//   load<T>(from, step)       row r of the register from `from` + r * step bytes
//   stream_load<T>(from, step)  the same, for memory that is not needed again soon
//   store<T>(to, step)
//   multiply_bf16<C, A, B>()  C[m][n] += sum over k of A[m][2k] B[k][2n] + A[m][2k + 1] B[k][2n + 1]: A holds rows of
//                             bf16, B pairs of neighbouring bf16 of the depth, C f32
//   multiply_bytes<C, A, B>() the same with four 8-bit integers of the depth, unsigned in A and signed in B, summed in
//                             32-bit integers
//   prefetch_near(p), prefetch_far(p)  the cache line of `p` to the L1 or the L2 cache
#pragma once

#include <cstdint>

namespace easel::ops::cpu {

constexpr int kTileRegisters = 8, kTileRows = 16, kTileRowBytes = 64;
constexpr int kTileLanes = kTileRowBytes / 4;  // of four bytes

// What configure() takes, in the layout of the instruction LDTILECFG.
struct alignas(64) TileShapes {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};

  __attribute__((always_inline)) inline void set(int tile, int64_t tile_rows, int64_t bytes) {
    rows[tile] = static_cast<uint8_t>(tile_rows);
    row_bytes[tile] = static_cast<uint16_t>(bytes);
  }
};
static_assert(sizeof(TileShapes) == 64);

}  // namespace easel::ops::cpu
