// Products with panels on matrix registers: what surrounds the kernel `tile_product`.
#pragma once

#include "ops/cpu/product/panels.h"
#include "ops/cpu/tiles/shapes.h"

namespace easel::ops::cpu {

// As multiply(), at levels that have the kernel for the panels' type.
void multiply_with_tiles(const Panels& w, const Strip& strip, int64_t first, int64_t last, const Finish& finish);

// How many steps of sixteen lanes a call of the kernel takes at most where there are several blocks of rows: two
// vectors of weights and the rows of a block are then 20 KiB each, and both stay in the first-level cache.
constexpr int64_t kChunkSteps = 10;

// A product's depth in such calls.
struct TileChunks {
  TileChunks(int64_t lanes, int64_t rows);
  int64_t steps(int64_t i) const { return all_steps * i / count; }  // before chunk i
  int64_t lanes_of(int64_t i) const;
  int64_t lanes, all_steps, count;
};

// Rows as the kernel reads them: where they lie if its loads would be of whole lines that do not fall on the same few
// lines of the cache, else gathered.
struct TileRowsOf {
  const char* a;
  const int64_t* group_offset;  // of each group of sixteen rows
  const int64_t* step_offset;   // of each step of sixteen lanes
  int64_t row_step;
};

// Rows at a + row_offset[r]; the bytes of a row lie in `taps` pieces of `lanes` lanes at tap_offset[t]. The tables and
// the gathered rows are memory of the calling thread, good until its next call.
TileRowsOf tile_rows(const Kernels& k, const char* a, const int64_t* row_offset, int64_t rows,
                     const int64_t* tap_offset, int64_t taps, int64_t lanes);

}  // namespace easel::ops::cpu
