#include "ops/cpu/product/tile_product.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/round.h"
#include "ops/cpu/kernels/types.h"
#include "ops/cpu/scratch.h"

namespace easel::ops::cpu {
namespace {

constexpr int64_t kLine = 64;      // bytes
constexpr int64_t kLineSets = 64;  // of the L1 cache: lines this many lines apart compete for one set
constexpr int64_t kVector = 16;    // outputs
constexpr int64_t kBlock = kTileRows * kTileRowBytes;  // a step of a group as stage_rows() writes it

// The stride of the rows within each group, or 0 if it is not the same everywhere.
int64_t common_step(const int64_t* row_offset, int64_t rows) {
  const int64_t step = rows > 1 ? row_offset[1] - row_offset[0] : kLine;
  for (int64_t r = 1; r < rows; ++r)
    if (r % kTileRows != 0 && row_offset[r] - row_offset[r - 1] != step) return 0;
  return step;
}

bool good_step(int64_t step) {
  return step > 0 && step % kLine == 0 && std::gcd(step / kLine, kLineSets) <= kLineSets / 8;
}

bool aligned(const char* a, const int64_t* offset, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    if ((reinterpret_cast<uintptr_t>(a) + static_cast<uintptr_t>(offset[i])) % kLine != 0) return false;
  return true;
}

// Where stage_rows() puts each group: two by two, with the steps of a pair one after another.
void place_staged(int64_t* group, int64_t groups, int64_t steps) {
  for (int64_t g = 0; g < groups; ++g) group[g] = g / 2 * steps * 2 * kBlock + g % 2 * kBlock;
}

// Rows of several taps, each of which is multiplied separately.
struct RowsByTap {
  const char* a;
  const int64_t* group_offset;
  int64_t row_step, lane_step;  // bytes from row to row and from step to step
  const int64_t* tap_offset;    // null if the taps are gathered one after another, tap_bytes apart
  int64_t tap_bytes;
  const char* of(int64_t tap) const { return a + (tap_offset ? tap_offset[tap] : tap * tap_bytes); }
};

}  // namespace

TileChunks::TileChunks(int64_t all_lanes, int64_t rows)
    : lanes(all_lanes),
      all_steps(ceil_div<int64_t>(all_lanes, kTileLanes)),
      count(rows > 4 * kTileRows ? std::max<int64_t>(1, ceil_div(all_steps, kChunkSteps)) : 1) {}

int64_t TileChunks::lanes_of(int64_t i) const {
  return std::min(steps(i + 1) * kTileLanes, lanes) - steps(i) * kTileLanes;
}

TileRowsOf tile_rows(const Kernels& k, const char* a, const int64_t* row_offset, int64_t rows,
                     const int64_t* tap_offset, int64_t taps, int64_t lanes) {
  const int64_t groups = ceil_div<int64_t>(rows, kTileRows), steps = ceil_div<int64_t>(taps * lanes, kTileLanes);
  int64_t* group = thread_scratch<int64_t>(ScratchUse::kStagedTables, groups + steps);
  int64_t* step = group + groups;
  const int64_t row_step = common_step(row_offset, rows);
  const bool whole = taps == 1 || lanes % kTileLanes == 0;
  if (whole && good_step(row_step) && aligned(a, row_offset, rows) && aligned(nullptr, tap_offset, taps)) {
    for (int64_t g = 0; g < groups; ++g) group[g] = row_offset[g * kTileRows];
    const int64_t in_tap = ceil_div<int64_t>(lanes, kTileLanes);
    for (int64_t s = 0; s < steps; ++s) step[s] = tap_offset[s / in_tap] + s % in_tap * kTileRowBytes;
    return {a, group, step, row_step};
  }
  char* staged = thread_scratch<char>(ScratchUse::kStaged, round_up<int64_t>(groups, 2) * steps * kBlock);
  k.stage_rows({.a = a,
                .row_offset = row_offset,
                .tap_offset = tap_offset,
                .rows = rows,
                .taps = taps,
                .tap_bytes = lanes * 4,
                .to = staged});
  place_staged(group, groups, steps);
  for (int64_t s = 0; s < steps; ++s) step[s] = s * 2 * kBlock;
  return {staged, group, step, kTileRowBytes};
}

namespace {

// One or two vectors of outputs, over the rows of a strip.
struct Pair {
  int64_t panel, column, vectors, vector_stride;  // column: of the packed panel, in floats
  int64_t outputs, first_output;                  // number and place of the outputs in the panel
};

// Sums to be turned into outputs: complete ones, or those of one tap.
struct Job {
  Pair pair{};
  int64_t tap = 0;
  bool last = true;  // whether this is the last tap
  float* sums = nullptr;
  int64_t done = 0, next = 0;  // rows whose sums are ready, and the first of them that is not yet an output
};

// Turns sums into outputs, a few rows at a time, while the next sums are computed.
class Finisher {
 public:
  Finisher(const Panels& w, const Strip& strip, const Finish& finish, int64_t stride, float* totals)
      : k_(kernels(w.level)), w_(w), strip_(strip), finish_(finish), stride_(stride), totals_(totals) {}

  // There is memory for the sums of two jobs, so the older one must be finished before another begins.
  void make_room() { run(jobs_[0], strip_.rows); }
  // Call make_room() first. While the product of the job runs, it updates job.done.
  Job& begin(const Job& job) {
    jobs_[0] = jobs_[1];
    jobs_[1] = job;
    return jobs_[1];
  }
  void end() {
    for (Job& job : jobs_) run(job, strip_.rows);
  }
  void set_quota(int64_t rows) { quota_ = rows; }
  // Finishes up to `quota` of the waiting rows.
  static void meanwhile(void* context) {
    auto& self = *static_cast<Finisher*>(context);
    self.run(self.jobs_[1], self.quota_ - self.run(self.jobs_[0], self.quota_));
  }

 private:
  static constexpr int64_t kMost = 32;

  int64_t run(Job& job, int64_t limit) {
    const int64_t rows = std::min(limit, job.done - job.next);
    for (int64_t r = 0; r < rows; r += kMost) part(job, job.next + r, std::min(kMost, rows - r));
    if (rows > 0) job.next += rows;
    return std::max<int64_t>(rows, 0);
  }

  void part(const Job& job, int64_t row, int64_t rows) {
    float* sums = job.sums + row * stride_;
    if (w_.type == DType::kI8) {
      float* total = strip_.pixel ? totals_ + row * stride_ : nullptr;
      if (total && job.tap == 0) std::fill_n(total, rows * stride_, 0.0f);
      dequantise(job, row, rows, sums, total);
      if (!job.last) return;
      if (total) sums = total;
    }
    const Pair& pair = job.pair;
    const int64_t skip = pair.panel * w_.width + pair.first_output;
    const int64_t element = static_cast<int64_t>(dtype_size(finish_.type));
    const float* extra[kMost];
    if (strip_.row_bias)
      for (int64_t r = 0; r < rows; ++r) extra[r] = strip_.row_bias[row + r] + skip;
    FinishTile f{};
    f.sums = sums;
    f.sums_stride = stride_;
    f.rows = rows;
    f.columns = pair.outputs;
    f.bias = w_.bias + pair.panel * k_.panel + pair.column;
    f.row_bias = strip_.row_bias ? extra : nullptr;
    f.activation = static_cast<int>(finish_.activation);
    f.scale = finish_.scale;
    f.gated = w_.gated;
    f.gate = pair.vector_stride;
    f.residual = finish_.residual ? static_cast<const char*>(finish_.residual) + skip * element : nullptr;
    f.out = static_cast<char*>(finish_.out) + skip * element;
    f.out_offset = strip_.out_offset + row;
    k_.finish[type_index(finish_.type)](f);
  }

  void dequantise(const Job& job, int64_t row, int64_t rows, float* sums, float* total) const {
    float scale[kMost];
    int32_t zero[kMost];
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t at = strip_.pixel ? strip_.pixel[row + r] + strip_.tap_pixel[job.tap] : row + r;
      scale[r] = strip_.scale[at];
      zero[r] = strip_.zero[at];
    }
    for (int64_t v = 0; v < job.pair.vectors; ++v) {
      const int64_t skip = v * job.pair.vector_stride;
      const int64_t at = (job.pair.panel * w_.taps + job.tap) * k_.panel + job.pair.column + skip;
      k_.dequantise({.sums = sums + skip,
                     .sums_stride = stride_,
                     .rows = rows,
                     .columns = kVector,
                     .row_scale = scale,
                     .row_zero = zero,
                     .weight_scale = w_.scale + at,
                     .weight_sum = w_.sum + at,
                     .total = total ? total + skip : nullptr});
    }
  }

  const Kernels& k_;
  const Panels& w_;
  const Strip& strip_;
  const Finish& finish_;
  int64_t stride_, quota_ = 1;
  float* totals_;
  Job jobs_[2];
};

// The rows of a quantised strip, each tap of which is dequantised separately.
RowsByTap rows_by_tap(const Panels& w, const Strip& strip) {
  const Kernels& k = kernels(w.level);
  const int64_t groups = ceil_div<int64_t>(strip.rows, kTileRows), steps = ceil_div<int64_t>(w.lanes, kTileLanes);
  int64_t* group = thread_scratch<int64_t>(ScratchUse::kStagedTables, groups + steps);
  const int64_t row_step = common_step(strip.row_offset, strip.rows);
  if (row_step > 0) {
    for (int64_t g = 0; g < groups; ++g) group[g] = strip.row_offset[g * kTileRows];
    return {.a = strip.a,
            .group_offset = group,
            .row_step = row_step,
            .lane_step = kTileRowBytes,
            .tap_offset = strip.tap_offset,
            .tap_bytes = 0};
  }
  const int64_t tap_bytes = round_up<int64_t>(groups, 2) * steps * kBlock, none = 0;
  char* staged = thread_scratch<char>(ScratchUse::kStaged, w.taps * tap_bytes);
  for (int64_t t = 0; t < w.taps; ++t)
    k.stage_rows({.a = strip.a + strip.tap_offset[t],
                  .row_offset = strip.row_offset,
                  .tap_offset = &none,
                  .rows = strip.rows,
                  .taps = 1,
                  .tap_bytes = w.lanes * 4,
                  .to = staged + t * tap_bytes});
  place_staged(group, groups, steps);
  return {.a = staged,
          .group_offset = group,
          .row_step = kTileRowBytes,
          .lane_step = 2 * kBlock,
          .tap_offset = nullptr,
          .tap_bytes = tap_bytes};
}

int64_t pairs_of(const Panels& w, int64_t panel) { return ceil_div<int64_t>(w.vectors_of(panel), 2); }

Pair pair_of(const Panels& w, int64_t panel, int64_t index) {
  const int64_t vectors = w.vectors_of(panel), columns = w.columns_of(panel);
  if (w.gated) {  // a vector of values and the vector of their gates
    const int64_t first = index * kVector;
    return {.panel = panel,
            .column = first,
            .vectors = 2,
            .vector_stride = vectors / 2 * kVector,
            .outputs = std::min(kVector, columns - first),
            .first_output = first};
  }
  const int64_t first = 2 * index * kVector;
  return {.panel = panel,
          .column = first,
          .vectors = std::min<int64_t>(2, vectors - 2 * index),
          .vector_stride = kVector,
          .outputs = std::min(2 * kVector, columns - first),
          .first_output = first};
}

const float* weights_of(const Panels& w, const Pair& pair, int64_t lane) {
  return w.weights + pair.panel * kernels(w.level).panel * w.taps * w.lanes +
         lane * w.vectors_of(pair.panel) * kVector + pair.column;
}

}  // namespace

void multiply_with_tiles(const Panels& w, const Strip& strip, int64_t first, int64_t last, const Finish& finish) {
  const Kernels& k = kernels(w.level);
  const bool by_tap = strip.pixel != nullptr;
  const int64_t parts = by_tap ? w.taps : 1, lanes = by_tap ? w.lanes : w.taps * w.lanes;
  const TileChunks chunks(lanes, strip.rows);
  TileProduct p{};
  RowsByTap taps{};
  TileRowsOf rows{};
  int64_t* steps = nullptr;
  if (by_tap) {
    taps = rows_by_tap(w, strip);
    const int64_t groups = ceil_div<int64_t>(strip.rows, kTileRows);
    steps = const_cast<int64_t*>(taps.group_offset) + groups;
    for (int64_t s = 0; s < chunks.all_steps; ++s) steps[s] = s * taps.lane_step;
    p.group_offset = taps.group_offset;
    p.row_step = taps.row_step;
  } else {
    rows = tile_rows(k, strip.a, strip.row_offset, strip.rows, strip.tap_offset, w.taps, w.lanes);
    p.group_offset = rows.group_offset;
    p.row_step = rows.row_step;
  }
  p.rows = strip.rows;
  p.out_stride = w.gated ? 4 * kVector : 2 * kVector;
  const int64_t size = strip.rows * p.out_stride;
  float* sums = thread_scratch<float>(ScratchUse::kSums, 3 * size);
  Finisher finisher(w, strip, finish, p.out_stride, sums + 2 * size);
  p.meanwhile = Finisher::meanwhile;
  TileSession session(k);
  p.state = session.state();
  p.context = &finisher;
  const int64_t blocks = ceil_div<int64_t>(strip.rows, 2 * kTileRows);
  int64_t turn = 0;
  for (int64_t panel = first; panel < last; ++panel)
    for (int64_t index = 0; index < pairs_of(w, panel); ++index) {
      const Pair pair = pair_of(w, panel, index);
      p.vectors = pair.vectors;
      p.vector_stride = pair.vector_stride;
      p.weight_step = w.vectors_of(panel) * kVector;
      for (int64_t part = 0; part < parts; ++part) {
        finisher.make_room();
        p.out = sums + turn * size;
        turn = 1 - turn;
        for (int64_t i = 0; i < chunks.count; ++i) {
          const bool last_chunk = i + 1 == chunks.count, last_part = last_chunk && part + 1 == parts;
          const int64_t lane = part * lanes + chunks.steps(i) * kTileLanes;
          p.a = by_tap ? taps.of(part) : rows.a;
          p.step_offset = (by_tap ? steps : rows.step_offset) + chunks.steps(i);
          p.lanes = chunks.lanes_of(i);
          p.weights = weights_of(w, pair, lane);
          p.accumulate = i > 0;
          // The next call multiplies the next piece of the depth, or the first piece of the next outputs.
          p.next_weights = nullptr;
          p.next_step = p.weight_step;
          p.next_lanes = std::min(chunks.lanes_of(0), lanes);
          if (!last_part) p.next_weights = p.weights + p.lanes * p.weight_step;
          else if (index + 1 < pairs_of(w, panel)) p.next_weights = weights_of(w, pair_of(w, panel, index + 1), 0);
          else if (panel + 1 < last) {
            p.next_weights = weights_of(w, pair_of(w, panel + 1, 0), 0);
            p.next_step = w.vectors_of(panel + 1) * kVector;
          }
          const int64_t calls = blocks * ceil_div<int64_t>(p.lanes, kTileLanes);
          finisher.set_quota(ceil_div(strip.rows, std::max<int64_t>(1, calls)));
          p.rows_done = nullptr;
          if (last_chunk) {
            Job job;
            job.pair = pair;
            job.tap = part;
            job.last = part + 1 == parts;
            job.sums = p.out;
            Job& begun = finisher.begin(job);
            p.rows_done = &begun.done;
            k.tile_product[type_index(w.type)](p);
            begun.done = strip.rows;
          } else {
            k.tile_product[type_index(w.type)](p);
          }
        }
      }
    }
  finisher.end();
}

}  // namespace easel::ops::cpu
