#include "ops/cpu/panels.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "ops/cpu/scratch.h"
#include "ops/cpu/types.h"
#include "ops/cpu/weight_memory.h"

namespace easel::ops::cpu {
namespace {

constexpr int64_t kPackSpan = 1024;  // elements of an output that are converted to f32 at a time

int64_t round_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

// Outputs [first, first + count) of the weight, to column `at` of a panel.
struct Piece {
  int64_t first, count, at;
};

// A part of the inner values of one piece as f32, however the weight is stored.
class PieceReader {
 public:
  PieceReader(const Kernels& k, const Tensor& weight, const WeightLayout& layout) : k_(k), weight_(weight), l_(layout) {
    // What one inner value brings along with it when memory is read in order: the whole window.
    window_ = (l_.taps - 1) * l_.tap_stride + (l_.runs - 1) * l_.run_stride + 1;
    dense_ = l_.inner_stride <= 2 * l_.taps * l_.runs && window_ <= 2 * l_.inner_stride;
    step_ =
        std::clamp<int64_t>(kPackSpan / std::max<int64_t>(1, dense_ ? l_.inner_stride : l_.taps * l_.runs), 2, 1 << 10);
    step_ = step_ / 2 * 2;
    // An odd number of inner values lets pairs of bf16 straddle runs: then runs are taken whole.
    if (l_.inner % 2 != 0) step_ = l_.inner;
    if (dense_) {
      tap_ = l_.tap_stride, run_ = l_.run_stride, inner_ = l_.inner_stride;
    } else {
      inner_ = 1, run_ = std::min(step_, l_.inner), tap_ = run_ * l_.runs;
    }
    // Not a multiple of 4 KiB, or the rows of a piece would fight for the same lines of the cache.
    pitch_ =
        round_up((l_.taps - 1) * tap_ + (l_.runs - 1) * run_ + (std::min(step_, l_.inner) - 1) * inner_ + 1, 16) + 16;
  }

  int64_t step() const { return step_; }

  // Inner values [begin, end) of all taps and runs; value (o, tap, run, i) is at
  // o * pitch() + tap * tap_step() + run * run_step() + (i - begin) * inner_step().
  const float* read(const Piece& piece, int64_t begin, int64_t end) const {
    float* to = thread_scratch<float>(ScratchUse::kRows, piece.count * pitch_);
    for (int64_t o = 0; o < piece.count; ++o) {
      const int64_t from = o * l_.output_stride + begin * l_.inner_stride;
      float* row = to + o * pitch_;
      if (dense_) {
        copy(from, 1, window_ + (end - begin - 1) * l_.inner_stride, row);
        continue;
      }
      for (int64_t t = 0; t < l_.taps; ++t)
        for (int64_t r = 0; r < l_.runs; ++r)
          copy(from + t * l_.tap_stride + r * l_.run_stride, l_.inner_stride, end - begin, row + t * tap_ + r * run_);
    }
    return to;
  }
  int64_t pitch() const { return pitch_; }
  int64_t tap_step() const { return tap_; }
  int64_t run_step() const { return run_; }
  int64_t inner_step() const { return inner_; }

 private:
  void copy(int64_t from, int64_t stride, int64_t n, float* to) const {
    switch (weight_.dtype()) {
      case DType::kF32: return convert(static_cast<const float*>(weight_.raw()) + from, stride, n, to);
      case DType::kBF16: return convert(static_cast<const BFloat16*>(weight_.raw()) + from, stride, n, to);
      case DType::kF64: return convert(static_cast<const double*>(weight_.raw()) + from, stride, n, to);
      case DType::kF16: {
        const Half* half = static_cast<const Half*>(weight_.raw()) + from;
        if (stride == 1 && k_.widen_half) return k_.widen_half(half, to, n);
        return convert(half, stride, n, to);
      }
      default: return float8(from, stride, n, to);
    }
  }
  template <class T>
  static void convert(const T* from, int64_t stride, int64_t n, float* to) {
    if (stride == 1) {
      for (int64_t i = 0; i < n; ++i) to[i] = static_cast<float>(from[i]);
    } else {
      for (int64_t i = 0; i < n; ++i) to[i] = static_cast<float>(from[i * stride]);
    }
  }
  void float8(int64_t from, int64_t stride, int64_t n, float* to) const {
    const bool e4m3 = weight_.dtype() == DType::kF8E4M3;
    const uint8_t* p = static_cast<const uint8_t*>(weight_.raw()) + from;
    for (int64_t i = 0; i < n; ++i) to[i] = e4m3 ? f8e4m3_to_float(p[i * stride]) : f8e5m2_to_float(p[i * stride]);
  }

  const Kernels& k_;
  const Tensor& weight_;
  const WeightLayout& l_;
  int64_t window_, step_, pitch_, tap_, run_, inner_;
  bool dense_;
};

// The one or two pieces of a panel.
std::vector<Piece> pieces_of(const Panels& p, int64_t panel) {
  const int64_t first = panel * p.width, count = p.columns_of(panel);
  if (!p.gated) return {{first, count, 0}};
  return {{first, count, 0}, {p.columns + first, count, p.vectors_of(panel) / 2 * kernels(p.level).vec}};
}

// Inner values [begin, end) of a piece, to their lanes in a panel that starts at `to`.
void pack_part(const Panels& p, int64_t columns, const Piece& piece, const PieceReader& reader, const WeightLayout& l,
               int64_t begin, int64_t end, float* to) {
  const Kernels& k = kernels(p.level);
  const int64_t per_lane = p.type == DType::kBF16 ? 2 : 1;
  const float* values = reader.read(piece, begin, end);
  // Runs that end within a lane are packed together, others one by one.
  const bool together = begin == 0 && end == l.inner;
  const int64_t groups = together ? 1 : l.runs, runs = together ? l.runs : 1, depth = runs * (end - begin);
  auto* offsets = thread_scratch<int32_t>(ScratchUse::kTables, depth);
  for (int64_t i = 0; i < depth; ++i)
    offsets[i] = static_cast<int32_t>(i / (end - begin) * reader.run_step() + i % (end - begin) * reader.inner_step());
  for (int64_t tap = 0; tap < l.taps; ++tap)
    for (int64_t group = 0; group < groups; ++group) {
      const int64_t lane = tap * p.lanes + (group * l.inner + begin) / per_lane;
      k.pack_lanes[type_index(p.type)]({values + tap * reader.tap_step() + group * reader.run_step(), reader.pitch(),
                                        offsets, piece.count, depth, columns, to + lane * columns + piece.at});
    }
}

void pack_panel(const Panels& p, int64_t panel, const WeightRows& rows, const WeightLayout& l) {
  const Kernels& k = kernels(p.level);
  const int64_t columns = p.vectors_of(panel) * k.vec;
  float* to = const_cast<float*>(p.weights) + panel * k.panel * p.taps * p.lanes;
  for (const Piece& piece : pieces_of(p, panel)) {
    const Tensor weight = rows(piece.first, piece.count);
    const PieceReader reader(k, weight, l);
    for (int64_t begin = 0; begin < l.inner; begin += reader.step())
      pack_part(p, columns, piece, reader, l, begin, std::min(l.inner, begin + reader.step()), to);
  }
}

void pack_bias(const Panels& p, const Tensor& bias, float* to) {
  const int64_t panel = kernels(p.level).panel;
  std::fill_n(to, p.count * panel, 0.0f);
  if (!bias.defined()) return;
  const Tensor values = contiguous(convert(bias, DType::kF32));
  for (int64_t i = 0; i < p.count; ++i)
    for (const Piece& piece : pieces_of(p, i))
      std::copy_n(values.f32() + piece.first, piece.count, to + i * panel + piece.at);
}

}  // namespace

int64_t Panels::vectors_of(int64_t panel) const {
  const int64_t vec = kernels(level).vec, vectors = (columns_of(panel) + vec - 1) / vec;
  return gated ? 2 * vectors : vectors;
}

float Panels::value(int64_t output, int64_t tap, int64_t k) const {
  const Kernels& table = kernels(level);
  const int64_t panel = output / width, per_lane = type == DType::kBF16 ? 2 : 1;
  const float* lane = weights + panel * table.panel * taps * lanes +
                      (tap * lanes + k / per_lane) * vectors_of(panel) * table.vec + output % width;
  if (type == DType::kF32) return *lane;
  BFloat16 pair[2];
  std::memcpy(pair, lane, sizeof pair);
  return static_cast<float>(pair[k % 2]);
}

Panels pack_panels(const Tensor& weight, const WeightLayout& layout, const Tensor& bias, DType type, bool gated) {
  const auto rows = [&](int64_t first, int64_t count) { return weight.slice(0, first, count); };
  return pack_panels(weight.dim(0), rows, layout, bias, type, gated);
}

Panels pack_panels(int64_t outputs, const WeightRows& rows, const WeightLayout& layout, const Tensor& bias, DType type,
                   bool gated) {
  Panels p;
  p.type = type;
  p.level = isa();
  const Kernels& k = kernels(p.level);
  p.outputs = outputs;
  p.gated = gated;
  p.columns = gated ? p.outputs / 2 : p.outputs;
  p.width = gated ? k.panel / 2 : k.panel;
  p.count = (p.columns + p.width - 1) / p.width;
  p.taps = layout.taps;
  const int64_t per_lane = type == DType::kBF16 ? 2 : 1;
  p.lanes = round_up(layout.depth(), per_lane) / per_lane;
  const int64_t last = p.count > 0 ? p.vectors_of(p.count - 1) * k.vec : 0;
  const int64_t floats = (std::max<int64_t>(p.count - 1, 0) * k.panel + last) * p.taps * p.lanes;
  p.bytes = static_cast<size_t>(floats + p.count * k.panel) * sizeof(float);
  p.memory = allocate_weights(p.bytes);
  p.weights = static_cast<const float*>(p.memory->data());
  float* biases = static_cast<float*>(p.memory->data()) + floats;
  p.bias = biases;
  parallel_tasks(p.count, [&](int64_t panel) { pack_panel(p, panel, rows, layout); });
  pack_bias(p, bias, biases);
  return p;
}

namespace {

constexpr int64_t kChunkLanes = 1024;  // of k at a time: a panel's share of 256 KiB stays in the L2 cache

// Pieces of k: whole taps while they are short, else parts of one tap.
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
    const int64_t begin = lanes_ * part / parts_, end = lanes_ * (part + 1) / parts_;
    return {tap, std::min(group_, taps_ - tap), begin, end - begin};
  }

 private:
  int64_t taps_, lanes_, group_, parts_, groups_;
};

}  // namespace

void multiply(const Panels& w, const Strip& strip, int64_t first, int64_t last, const Finish& finish) {
  const Kernels& k = kernels(w.level);
  const size_t type = type_index(w.type), out_type = type_index(finish.type);
  const Chunks chunks(w.taps, w.lanes);
  const bool whole = chunks.count() == 1;
  // Sums of a strip live until the last chunk of k; with one chunk a block's sums are used at once.
  float* sums = thread_scratch<float>(ScratchUse::kSums, (whole ? kMaxTileRows : strip.rows) * k.panel);
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
    for (int64_t i = 0; i < chunks.count(); ++i) {
      const Chunk c = chunks.at(i);
      const bool done = i + 1 == chunks.count();
      PanelTile tile{strip.a + c.lane * 4,
                     nullptr,
                     strip.tap_offset + c.tap,
                     c.taps,
                     c.lanes,
                     weights + (c.tap * w.lanes + c.lane) * columns,
                     nullptr,
                     k.panel,
                     i > 0};
      for (int64_t row = 0; row < strip.rows; row += kMaxTileRows) {
        const int64_t rows = std::min<int64_t>(kMaxTileRows, strip.rows - row);
        tile.row_offset = strip.row_offset + row;
        tile.out = whole ? sums : sums + row * k.panel;
        k.panel_tile[type][rows - 1][vectors - 1](tile);
        if (!done) continue;
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
