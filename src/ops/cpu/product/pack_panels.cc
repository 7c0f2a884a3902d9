// Packing of weights. They are converted, transposed, transformed and rounded in pieces that stay in the L1 cache, so
// that a model file is read once, in order, and no copy exists beside the packed weights.
#include <algorithm>
#include <vector>

#include "base/hash.h"
#include "base/round.h"
#include "ops/cpu/kernels/types.h"
#include "ops/cpu/product/panels.h"
#include "ops/cpu/scratch.h"
#include "ops/cpu/weight_memory.h"
#include "ops/elementwise.h"

namespace easel::ops::cpu {
namespace {

constexpr int64_t kPackSpan = 288;  // values of each output at a time

// Outputs [first, first + count) of the weight go to column `at` and on of a panel.
struct Piece {
  int64_t first, count, at;
};

int64_t lanes_of(int64_t depth, DType type) { return ceil_div(depth, values_in_lane(type)); }

// Packs one panel.
class PanelPacker {
 public:
  // Writes values of `type` to `to`; 8-bit weights are written in f32 here and quantised afterwards.
  PanelPacker(const Panels& p, int64_t panel, std::span<const StoredTensor> weights, const WeightWindow& window,
              DType type, float* to)
      : type_(type),
        lanes_(lanes_of(window.runs * weights[0].dim(1), type)),
        k_(kernels(p.level)),
        weights_(weights),
        w_(window),
        in_(weights[0].dim(1)),
        read_(weights[0].rank() > 2 ? weights[0].dim(2) * weights[0].dim(3) : 1),
        size_(window.taps * window.runs),
        width_(p.vectors_of(panel) * k_.vec),
        to_(to) {
    // With an odd number of inputs, pairs of bf16 span two runs, so that runs are not split.
    step_ = in_ % 2 != 0 ? in_ : std::min(in_, std::max<int64_t>(2, kPackSpan / read_ / 2 * 2));
    const int64_t values = step_ * std::max(read_, size_);
    rows_ = thread_scratch<float>(ScratchUse::kRows, 3 * values * k_.vec + k_.vec * 16);
    columns_ = rows_ + (values + 16) * k_.vec;
    windows_ = columns_ + values * k_.vec;
    offsets_ = thread_scratch<int32_t>(ScratchUse::kTables, step_ * w_.runs);
  }

  void pack(const Piece& piece) {
    // Each of several weights begins at a whole vector of outputs: see joined().
    int64_t first = piece.first, left = piece.count, at = piece.at;
    for (const StoredTensor& weight : weights_) {
      const int64_t count = std::min(left, weight.dim(0) - first);
      if (count <= 0) {
        first -= weight.dim(0);
        continue;
      }
      pack_rows(weight, {first, count, at});
      first = 0;
      left -= count;
      at += count;
    }
  }

 private:
  void pack_rows(const StoredTensor& weight, const Piece& piece) {
    // Makes the values of each output contiguous, keeping their encoding.
    rows_of_piece_ = weight.slice(piece.first, piece.count).tensor();
    const Shape &row_shape = rows_of_piece_.shape(), row = contiguous_strides(row_shape);
    bool dense = true;
    for (int d = 1; d < row.rank(); ++d) dense = dense && (row_shape[d] == 1 || rows_of_piece_.stride(d) == row[d]);
    if (!dense) rows_of_piece_ = contiguous(rows_of_piece_);
    for (int64_t o = 0; o < piece.count; o += k_.vec)
      for (int64_t begin = 0; begin < in_; begin += step_)
        pack_part(o, std::min<int64_t>(k_.vec, piece.count - o), begin, std::min(in_, begin + step_), piece.at + o);
  }

  // Inputs [begin, end) of `outputs` outputs from `first` on.
  void pack_part(int64_t first, int64_t outputs, int64_t begin, int64_t end, int64_t column) {
    const int64_t inputs = end - begin, values = inputs * read_, pitch = values + 16;
    const float* from = rows_;
    int64_t stride = pitch;
    const int64_t at = first * rows_of_piece_.stride(0) + begin * read_;
    if (rows_of_piece_.dtype() == DType::kF32) {
      from = static_cast<const float*>(rows_of_piece_.raw()) + at;
      stride = rows_of_piece_.stride(0);
    } else {
      for (int64_t o = 0; o < outputs; ++o) widen(at + o * rows_of_piece_.stride(0), values, rows_ + o * pitch);
    }
    k_.transpose_rows({.from = from, .stride = stride, .rows = outputs, .columns = values, .to = columns_});
    const float* packed = columns_;
    if (w_.kind != WindowKind::kPlain) {
      k_.transform_windows({w_.kind, columns_, inputs, windows_});
      packed = windows_;
    }
    // Where one piece has all inputs, its runs are packed together, because they may end within a lane.
    const bool together = begin == 0 && end == in_;
    const int64_t groups = together ? 1 : w_.runs, depth = (together ? w_.runs : 1) * inputs;
    for (int64_t i = 0; i < depth; ++i) offsets_[i] = static_cast<int32_t>(i % inputs * size_ + i / inputs);
    const int64_t per_lane = values_in_lane(type_);
    for (int64_t tap = 0; tap < w_.taps; ++tap)
      for (int64_t group = 0; group < groups; ++group) {
        const int64_t lane = tap * lanes_ + (group * in_ + begin) / per_lane;
        k_.pack_lanes[type_index(type_)]({.from = packed + (tap * w_.runs + group) * k_.vec,
                                          .k_offset = offsets_,
                                          .depth = depth,
                                          .width = width_,
                                          .to = to_ + lane * width_ + column});
      }
  }

  void widen(int64_t at, int64_t n, float* to) const {
    const void* raw = rows_of_piece_.raw();
    switch (rows_of_piece_.dtype()) {
      case DType::kF16:
        if (k_.widen_half) return k_.widen_half(static_cast<const Half*>(raw) + at, to, n);
        return convert(static_cast<const Half*>(raw) + at, n, to);
      case DType::kBF16: return convert(static_cast<const BFloat16*>(raw) + at, n, to);
      case DType::kF64: return convert(static_cast<const double*>(raw) + at, n, to);
      default: break;
    }
    const auto* p = static_cast<const uint8_t*>(raw) + at;
    const bool e4m3 = rows_of_piece_.dtype() == DType::kF8E4M3;
    for (int64_t i = 0; i < n; ++i) to[i] = e4m3 ? f8e4m3_to_float(p[i]) : f8e5m2_to_float(p[i]);
  }
  template <class T>
  static void convert(const T* from, int64_t n, float* to) {
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<float>(from[i]);
  }

  DType type_;
  int64_t lanes_;
  const Kernels& k_;
  std::span<const StoredTensor> weights_;
  const WeightWindow& w_;
  Tensor rows_of_piece_;
  int64_t in_, read_, size_;  // inputs; values of a window in the tensor and as packed
  int64_t width_, step_;
  float *to_, *rows_, *columns_, *windows_;
  int32_t* offsets_;
};

// The two pieces of a gated panel, values and gates, or the only piece of an ordinary one.
int pieces_of(const Panels& p, int64_t panel, Piece pieces[2]) {
  const int64_t first = panel * p.width, count = p.columns_of(panel);
  pieces[0] = {first, count, 0};
  pieces[1] = {p.columns + first, count, p.vectors_of(panel) / 2 * kernels(p.level).vec};
  return p.gated ? 2 : 1;
}

void pack_panel(const Panels& p, int64_t panel, std::span<const StoredTensor> weights, const WeightWindow& window) {
  const Kernels& k = kernels(p.level);
  const int64_t depth = window.runs * weights[0].dim(1), width = p.vectors_of(panel) * k.vec;
  auto* to = const_cast<float*>(p.weights) + panel * k.panel * p.taps * p.lanes;
  Tensor exact;  // 8-bit weights in f32: their scale needs the largest value first
  if (p.type == DType::kI8) exact = Tensor({p.taps * depth * width});
  if (exact.defined()) std::fill_n(exact.f32(), exact.numel(), 0.0f);  // for columns without an output
  const DType type = exact.defined() ? DType::kF32 : p.type;
  PanelPacker packer(p, panel, weights, window, type, exact.defined() ? exact.f32() : to);
  Piece pieces[2];
  const int count = pieces_of(p, panel, pieces);
  for (int i = 0; i < count; ++i) packer.pack(pieces[i]);
  if (exact.defined()) {
    const int64_t at = panel * p.taps * k.panel;
    k.pack_bytes({.from = exact.f32(),
                  .taps = p.taps,
                  .depth = depth,
                  .width = width,
                  .to = to,
                  .scale = const_cast<float*>(p.scale) + at,
                  .sum = const_cast<int32_t*>(p.sum) + at,
                  .scale_pitch = k.panel});
  }
  if (!p.paired()) return;
  for (int64_t tap = 0; tap < p.taps; ++tap) k.pair_lanes(to + tap * p.lanes * width, p.lanes, width);
}

void pack_bias(const Panels& p, const StoredTensor& bias, float* to) {
  const int64_t panel = kernels(p.level).panel;
  std::fill_n(to, p.count * panel, 0.0f);
  if (!bias.defined()) return;
  const Tensor values = bias.decoded();
  for (int64_t i = 0; i < p.count; ++i) {
    Piece pieces[2];
    const int count = pieces_of(p, i, pieces);
    for (int j = 0; j < count; ++j)
      std::copy_n(values.f32() + pieces[j].first, pieces[j].count, to + i * panel + pieces[j].at);
  }
}

// A hash of everything that determines the meaning of the packed bytes.
uint64_t kind_of(const Panels& p, const WeightWindow& w, int64_t in) {
  Hash64 kind;
  for (const int64_t part : {static_cast<int64_t>(p.type), static_cast<int64_t>(p.level), p.outputs, in, w.taps, w.runs,
                             static_cast<int64_t>(w.kind), static_cast<int64_t>(p.gated)})
    kind.add(static_cast<uint64_t>(part));
  return kind.value();
}

// The weights unchanged if all but the last have whole vectors of outputs, else concatenated into one.
std::vector<StoredTensor> joined(std::span<const StoredTensor> weights, int64_t vec, bool gated) {
  bool whole = !gated || weights.size() == 1;
  for (const StoredTensor& weight : weights.first(weights.size() - 1)) whole = whole && weight.dim(0) % vec == 0;
  if (whole) return {weights.begin(), weights.end()};
  std::vector<Tensor> parts;
  for (const StoredTensor& weight : weights) parts.push_back(weight.decoded());
  return {concat(parts, 0)};
}

}  // namespace

Panels pack_panels(std::span<const StoredTensor> weights, const WeightWindow& window, const StoredTensor& bias,
                   DType type, bool gated, const Packer& packer) {
  Panels p;
  p.type = type;
  p.level = isa();
  const Kernels& k = kernels(p.level);
  const int64_t in = weights[0].dim(1);
  for (const StoredTensor& weight : weights) p.outputs += weight.dim(0);
  p.gated = gated;
  p.columns = gated ? p.outputs / 2 : p.outputs;
  p.width = gated ? k.panel / 2 : k.panel;
  p.count = ceil_div(p.columns, p.width);
  p.taps = window.taps;
  p.lanes = lanes_of(window.runs * in, type);
  const int64_t last = p.count > 0 ? p.vectors_of(p.count - 1) * k.vec : 0;
  const int64_t floats = (std::max<int64_t>(p.count - 1, 0) * k.panel + last) * p.taps * p.lanes;
  const int64_t numbers = p.count * k.panel, scales = type == DType::kI8 ? numbers * p.taps : 0;
  p.bytes = static_cast<size_t>(floats + numbers + 2 * scales) * sizeof(float);
  const auto place = [&](const void* memory) {
    p.weights = static_cast<const float*>(memory);
    p.bias = p.weights + floats;
    p.scale = p.bias + numbers;
    p.sum = reinterpret_cast<const int32_t*>(p.scale + scales);
  };
  if (packer.measures()) return p;
  const uint64_t kind = kind_of(p, window, in);
  if (packer.store()) {
    p.memory = packer.store()->take(kind, p.bytes);
    if (p.memory) {
      place(p.memory->data());
      return p;
    }
  }
  p.memory = allocate_weights(p.bytes);
  place(p.memory->data());
  const std::vector<StoredTensor> rows = joined(weights, k.vec, gated);
  parallel_tasks(p.count, [&](int64_t panel) { pack_panel(p, panel, rows, window); });
  pack_bias(p, bias, const_cast<float*>(p.bias));
  if (packer.store()) packer.store()->keep(kind, p.memory, p.bytes);
  return p;
}

// A hash of small weights of every kind after packing.
uint64_t layout_fingerprint() {
  Tensor matrix_values({70, 10}), window_values({70, 10, 3, 3});
  for (int64_t i = 0; i < window_values.numel(); ++i) {
    window_values.f32()[i] = static_cast<float>(i * 37 % 1009);
    if (i < matrix_values.numel()) matrix_values.f32()[i] = window_values.f32()[i];
  }
  const StoredTensor matrix = matrix_values, window = window_values;
  const Packer packer = Packer::pack();
  Hash64 all;
  const auto add = [&all](const Panels& p) { all.add(hash_memory(p.memory->data(), p.bytes)); };
  if (kernels(isa()).pack_bytes) add(pack_panels({&matrix, 1}, {}, {}, DType::kI8, false, packer));
  for (const DType type : {DType::kF32, DType::kBF16}) {
    for (const bool gated : {false, true}) add(pack_panels({&matrix, 1}, {}, {}, type, gated, packer));
    add(pack_panels({&window, 1}, {3, 3}, {}, type, false, packer));
    add(pack_panels({&window, 1}, {16, 1, WindowKind::kWinograd}, {}, type, false, packer));
    for (const WindowKind fold : {WindowKind::kFoldEvenEven, WindowKind::kFoldOddOdd})
      add(pack_panels({&window, 1}, {2, 2, fold}, {}, type, false, packer));
  }
  return all.value();
}

}  // namespace easel::ops::cpu
