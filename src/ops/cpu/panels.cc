#include "ops/cpu/panels.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "ops/cpu/scratch.h"
#include "ops/cpu/types.h"
#include "ops/cpu/weight_memory.h"

namespace easel::ops::cpu {
namespace {

constexpr int64_t kPackDepth = 512;  // values of k converted to f32 at a time

int64_t round_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

// Outputs [first, first + count) of the weight, to column `at` of a panel.
struct Piece {
  int64_t first, count, at;
};

// One f32 copy of a piece for a range of k, however the weight is stored.
class PieceReader {
 public:
  PieceReader(const Tensor& weight, const WeightLayout& layout) : weight_(weight), layout_(layout) {}

  // Values k in [begin, end) of one tap as rows of (end - begin) floats.
  const float* read(const Piece& piece, int64_t tap, int64_t begin, int64_t end) {
    const int64_t depth = end - begin;
    float* to = thread_scratch<float>(ScratchUse::kRows, piece.count * depth);
    const int64_t base = layout_.tap_base[static_cast<size_t>(tap)];
    for (int64_t o = 0; o < piece.count; ++o) {
      const int64_t from = (piece.first + o) * layout_.output_stride + base;
      copy(from, begin, depth, to + o * depth);
    }
    return to;
  }

 private:
  void copy(int64_t from, int64_t begin, int64_t depth, float* to) const {
    const int64_t* k = layout_.k_offset.data() + begin;
    switch (weight_.dtype()) {
      case DType::kF32: return gather(static_cast<const float*>(weight_.raw()) + from, k, depth, to);
      case DType::kF16: return gather(static_cast<const Half*>(weight_.raw()) + from, k, depth, to);
      case DType::kBF16: return gather(static_cast<const BFloat16*>(weight_.raw()) + from, k, depth, to);
      case DType::kF64: return gather(static_cast<const double*>(weight_.raw()) + from, k, depth, to);
      default: throw Error(Fault::kInternal, "weights of type " + std::string(dtype_name(weight_.dtype())));
    }
  }
  template <class T>
  static void gather(const T* from, const int64_t* k, int64_t depth, float* to) {
    for (int64_t i = 0; i < depth; ++i) to[i] = static_cast<float>(from[k[i]]);
  }

  const Tensor& weight_;
  const WeightLayout& layout_;
};

std::vector<Piece> pieces_of(const Panels& p, int64_t panel) {
  const int64_t first = panel * p.width, count = p.columns_of(panel);
  if (!p.gated) return {{first, count, 0}};
  return {{first, count, 0}, {p.columns + first, count, p.vectors_of(panel) / 2 * kernels(p.level).vec}};
}

void pack_panel(const Panels& p, int64_t panel, const Tensor& weight, const WeightLayout& layout) {
  const Kernels& k = kernels(p.level);
  const bool bf16 = p.type == DType::kBF16;
  const int64_t per_lane = bf16 ? 2 : 1, depth = static_cast<int64_t>(layout.k_offset.size());
  const int64_t columns = p.vectors_of(panel) * k.vec;
  float* to = const_cast<float*>(p.weights) + panel * k.panel * p.taps * p.lanes;
  std::memset(to, 0, static_cast<size_t>(columns * p.taps * p.lanes) * sizeof(float));
  std::vector<int32_t> offsets(static_cast<size_t>(std::min(depth, kPackDepth)));
  for (size_t i = 0; i < offsets.size(); ++i) offsets[i] = static_cast<int32_t>(i);
  PieceReader reader(weight, layout);
  for (const Piece& piece : pieces_of(p, panel))
    for (int64_t tap = 0; tap < p.taps; ++tap)
      for (int64_t begin = 0; begin < depth; begin += kPackDepth) {
        const int64_t end = std::min(depth, begin + kPackDepth);
        PackLanes lanes{reader.read(piece, tap, begin, end),
                        end - begin,
                        offsets.data(),
                        piece.count,
                        end - begin,
                        columns,
                        to + (tap * p.lanes + begin / per_lane) * columns + piece.at};
        k.pack_lanes[bf16 ? 1 : 0](lanes);
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

Panels pack_panels(const Tensor& weight, const WeightLayout& layout, const Tensor& bias, DType type, bool gated) {
  Panels p;
  p.type = type;
  p.level = isa();
  const Kernels& k = kernels(p.level);
  p.outputs = weight.dim(0);
  p.gated = gated;
  p.columns = gated ? p.outputs / 2 : p.outputs;
  p.width = gated ? k.panel / 2 : k.panel;
  p.count = (p.columns + p.width - 1) / p.width;
  p.taps = static_cast<int64_t>(layout.tap_base.size());
  const int64_t per_lane = type == DType::kBF16 ? 2 : 1;
  p.lanes = round_up(static_cast<int64_t>(layout.k_offset.size()), per_lane) / per_lane;
  const int64_t last = p.count > 0 ? p.vectors_of(p.count - 1) * k.vec : 0;
  const int64_t floats = (std::max<int64_t>(p.count - 1, 0) * k.panel + last) * p.taps * p.lanes;
  p.bytes = static_cast<size_t>(floats + p.count * k.panel) * sizeof(float);
  p.memory = allocate_weights(p.bytes);
  p.weights = static_cast<const float*>(p.memory->data());
  float* biases = static_cast<float*>(p.memory->data()) + floats;
  p.bias = biases;
  parallel_tasks(p.count, [&](int64_t panel) { pack_panel(p, panel, weight, layout); });
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
