// Products with panels on matrix registers: blocking and finishing around the kernel Kernels::tile_product.
#pragma once

#include "ops/cpu/product/panels.h"
#include "ops/cpu/tiles/shapes.h"

namespace easel::ops::cpu {

// Like multiply(), for levels that have the kernel for the type of the panels.
void multiply_with_tiles(const Panels& w, const Strip& strip, int64_t first, int64_t last, const Finish& finish);

// A thread's use of its matrix registers, which are given shapes only when those change. Ends when it goes out of
// scope; nothing else on the thread may use the registers meanwhile.
class TileSession {
 public:
  explicit TileSession(const Kernels& k) : k_(k) {}
  ~TileSession() { k_.tile_release(); }
  TileSession(const TileSession&) = delete;
  TileSession& operator=(const TileSession&) = delete;
  TileState* state() { return &state_; }

 private:
  const Kernels& k_;
  TileState state_;
};

// How many steps of sixteen lanes a call of the kernel takes at most where there are several blocks of rows: two
// vectors of weights and the rows of a block are then 20 KiB each, and both stay in the first-level cache.
constexpr int64_t kChunkSteps = 10;

// The depth of a product, split into such calls.
struct TileChunks {
  TileChunks(int64_t lanes, int64_t rows);
  int64_t steps(int64_t i) const { return all_steps * i / count; }  // those before chunk i
  int64_t lanes_of(int64_t i) const;
  int64_t lanes, all_steps, count;
};

// Rows as the kernel reads them: in place if its loads are then whole cache lines that spread over the sets of the L1
// cache, else gathered.
struct TileRowsOf {
  const char* a;
  const int64_t* group_offset;  // of each group of sixteen rows
  const int64_t* step_offset;   // of each step of sixteen lanes
  int64_t row_step;
};

// Row r begins at a + row_offset[r], and its bytes lie in `taps` pieces of `lanes` lanes at tap_offset[t]. The tables
// and the gathered rows belong to the calling thread and are valid until its next call.
TileRowsOf tile_rows(const Kernels& k, const char* a, const int64_t* row_offset, int64_t rows,
                     const int64_t* tap_offset, int64_t taps, int64_t lanes);

}  // namespace easel::ops::cpu
