#include "ops/cpu/product/panels.h"

#include <algorithm>
#include <cstring>

#include "ops/cpu/kernels/types.h"
#include "ops/cpu/product/tile_product.h"
#include "ops/cpu/scratch.h"

namespace easel::ops::cpu {

int64_t Panels::vectors_of(int64_t panel) const {
  const int64_t vec = kernels(level).vec, vectors = (columns_of(panel) + vec - 1) / vec;
  return gated ? 2 * vectors : vectors;
}

float Panels::value(int64_t output, int64_t tap, int64_t k) const {
  const Kernels& table = kernels(level);
  const int64_t panel = output / width, per_lane = values_in_lane(type);
  int64_t at = k / per_lane, column = output % width;
  if (paired() && (at | 1) < lanes) {
    const int64_t place = column % 4;  // in its vector
    column += place % 2 * 2 + at % 2 - place;
    at = at / 2 * 2 + place / 2;
  }
  const float* lane =
      weights + panel * table.panel * taps * lanes + (tap * lanes + at) * vectors_of(panel) * table.vec + column;
  if (type == DType::kF32) return *lane;
  if (type == DType::kI8) {
    int8_t four[4];
    std::memcpy(four, lane, sizeof four);
    return static_cast<float>(four[k % 4]) * scale[(panel * taps + tap) * table.panel + output % width];
  }
  BFloat16 pair[2];
  std::memcpy(pair, lane, sizeof pair);
  return static_cast<float>(pair[k % 2]);
}

namespace {

constexpr int64_t kChunkLanes = 1024;  // of k at a time, so that a panel's 256 KiB stay in the L2 cache

// A piece of k: several whole taps if they are short, else a part of one tap.
struct Chunk {
  int64_t tap, taps, lane, lanes;
};

class Chunks {
 public:
  Chunks(int64_t taps, int64_t lanes) : taps_(taps), lanes_(lanes) {
    group_ = std::clamp<int64_t>(kChunkLanes / std::max<int64_t>(lanes, 1), 1, taps);
    parts_ = std::max<int64_t>(1, (lanes + kChunkLanes - 1) / kChunkLanes);
    groups_ = (taps + group_ - 1) / group_;
  }
  int64_t count() const { return groups_ * parts_; }
  Chunk at(int64_t i) const {
    const int64_t tap = i / parts_ * group_, part = i % parts_;
    const int64_t begin = begin_of(part), end = begin_of(part + 1);
    return {tap, std::min(group_, taps_ - tap), begin, end - begin};
  }

 private:
  // No pair of lanes is divided.
  int64_t begin_of(int64_t part) const { return part == parts_ ? lanes_ : lanes_ * part / parts_ / 2 * 2; }

  int64_t taps_, lanes_, group_, parts_, groups_;
};

}  // namespace

namespace {

// A few rows times one quantised panel with several taps, each dequantised separately and added to `total`.
void multiply_taps(const Panels& w, const Strip& strip, int64_t panel, int64_t row, int64_t rows, float* sums,
                   float* total) {
  const Kernels& k = kernels(w.level);
  const int64_t vectors = w.vectors_of(panel), columns = vectors * k.vec;
  const float* weights = w.weights + panel * k.panel * w.taps * w.lanes;
  std::fill_n(total, rows * k.panel, 0.0f);
  PanelTile tile{.a = strip.a,
                 .row_offset = strip.row_offset + row,
                 .taps = 1,
                 .lanes = w.lanes,
                 .weights = weights,
                 .out = sums,
                 .out_stride = k.panel,
                 .accumulate = false};
  for (int64_t tap = 0; tap < w.taps; ++tap, tile.weights += w.lanes * columns) {
    tile.tap_offset = strip.tap_offset + tap;
    k.panel_tile[type_index(w.type)][rows - 1][vectors - 1](tile);
    float scale[kMaxTileRows];
    int32_t zero[kMaxTileRows];
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t pixel = strip.pixel[row + r] + strip.tap_pixel[tap];
      scale[r] = strip.scale[pixel];
      zero[r] = strip.zero[pixel];
    }
    const int64_t at = (panel * w.taps + tap) * k.panel;
    k.dequantise({.sums = sums,
                  .sums_stride = k.panel,
                  .rows = rows,
                  .columns = columns,
                  .row_scale = scale,
                  .row_zero = zero,
                  .weight_scale = w.scale + at,
                  .weight_sum = w.sum + at,
                  .total = total});
  }
}

}  // namespace

// Processors with matrix registers have larger L2 caches.
int64_t strip_unit(const Kernels& k) { return k.stage_rows ? 2 * kTileRows : kMaxTileRows; }
int64_t strip_bytes(const Kernels& k) { return k.stage_rows ? 1 << 20 : 384 << 10; }

void multiply(const Panels& w, const Strip& strip, int64_t first, int64_t last, const Finish& finish) {
  const Kernels& k = kernels(w.level);
  if (k.tile_product[type_index(w.type)]) return multiply_with_tiles(w, strip, first, last, finish);
  const size_t type = type_index(w.type), out_type = type_index(finish.type);
  const Chunks chunks(w.taps, w.lanes);
  const bool by_tap = strip.pixel != nullptr, whole = by_tap || chunks.count() == 1;
  // The sums of a strip are kept until the last chunk of k; with only one chunk those of a block are finished at once.
  float* sums = thread_scratch<float>(ScratchUse::kSums, (whole ? 2 * kMaxTileRows : strip.rows) * k.panel);
  for (int64_t panel = first; panel < last; ++panel) {
    const int64_t vectors = w.vectors_of(panel), columns = vectors * k.vec;
    const float* weights = w.weights + panel * k.panel * w.taps * w.lanes;
    FinishTile end{};
    end.sums_stride = k.panel;
    end.columns = w.columns_of(panel);
    end.bias = w.bias + panel * k.panel;
    end.activation = static_cast<int>(finish.activation);
    end.scale = finish.scale;
    end.gated = w.gated;
    end.gate = columns / 2;
    const int64_t skip = panel * w.width, element = static_cast<int64_t>(dtype_size(finish.type));
    end.residual = finish.residual ? static_cast<const char*>(finish.residual) + skip * element : nullptr;
    end.out = static_cast<char*>(finish.out) + skip * element;
    for (int64_t i = by_tap ? chunks.count() - 1 : 0; i < chunks.count(); ++i) {
      const Chunk c = chunks.at(i);
      const bool done = i + 1 == chunks.count();
      PanelTile tile{.a = strip.a + c.lane * 4,
                     .tap_offset = strip.tap_offset + c.tap,
                     .taps = c.taps,
                     .lanes = c.lanes,
                     .weights = weights + (c.tap * w.lanes + c.lane) * columns,
                     .out_stride = k.panel,
                     .accumulate = i > 0};
      for (int64_t row = 0; row < strip.rows; row += kMaxTileRows) {
        const int64_t rows = std::min<int64_t>(kMaxTileRows, strip.rows - row);
        tile.row_offset = strip.row_offset + row;
        tile.out = whole ? sums : sums + row * k.panel;
        if (by_tap) multiply_taps(w, strip, panel, row, rows, sums + kMaxTileRows * k.panel, sums);
        else k.panel_tile[type][rows - 1][vectors - 1](tile);
        if (!done) continue;
        if (w.type == DType::kI8 && !by_tap)
          k.dequantise({.sums = tile.out,
                        .sums_stride = k.panel,
                        .rows = rows,
                        .columns = columns,
                        .row_scale = strip.scale + row,
                        .row_zero = strip.zero + row,
                        .weight_scale = w.scale + panel * k.panel,
                        .weight_sum = w.sum + panel * k.panel});
        const float* extra[kMaxTileRows];
        if (strip.row_bias)
          for (int64_t r = 0; r < rows; ++r) extra[r] = strip.row_bias[row + r] + skip;
        end.sums = tile.out;
        end.rows = rows;
        end.row_bias = strip.row_bias ? extra : nullptr;
        end.out_offset = strip.out_offset + row;
        k.finish[out_type](end);
      }
    }
  }
}

}  // namespace easel::ops::cpu
