// Linear layers with the panel kernel.
#include <algorithm>
#include <cstring>

#include "base/round.h"
#include "ops/cpu/kernels/types.h"
#include "ops/cpu/product/panels.h"
#include "ops/cpu/product/product.h"
#include "ops/cpu/scratch.h"

namespace easel::ops::cpu {
namespace {

class PanelLinear final : public CpuLinear {
 public:
  void run(const ProductArgs& args) const override;
  Panels panels;
};

// Quantised rows with their scales and zero points.
struct QuantisedRows {
  char* values;
  float* scale;
  int32_t* zero;

  // The memory that `rows` rows need, and their layout in it.
  static int64_t bytes(int64_t rows, int64_t pitch) { return rows * (pitch + 8); }
  QuantisedRows(char* memory, int64_t rows)
      : values(memory + 8 * rows),
        scale(reinterpret_cast<float*>(memory)),
        zero(reinterpret_cast<int32_t*>(scale + rows)) {}
};

// Quantises rows [first, first + rows) of the call to row `at` and on.
void quantise(const ProductArgs& args, const Panels& panels, int64_t depth, int64_t first, int64_t rows,
              const QuantisedRows& to, int64_t at) {
  const int64_t pitch = panels.lanes * 4;
  kernels(panels.level)
      .quantise_rows[type_index(DType::kBF16)]({.x = static_cast<const uint16_t*>(args.x) + first * args.row_stride,
                                                .stride = args.row_stride,
                                                .rows = rows,
                                                .depth = depth,
                                                .to = reinterpret_cast<uint8_t*>(to.values) + at * pitch,
                                                .pitch = pitch,
                                                .scale = to.scale + at,
                                                .zero = to.zero + at});
}

// A copy of the rows, padded with a zero: an odd number of bf16 values would end within a lane.
Tensor padded_rows(const ProductArgs& args, int64_t depth) {
  Tensor out({args.rows, depth + 1}, DType::kBF16);
  auto* to = static_cast<uint16_t*>(out.raw());
  const auto* from = static_cast<const uint16_t*>(args.x);
  for (int64_t r = 0; r < args.rows; ++r, to += depth + 1, from += args.row_stride) {
    std::memcpy(to, from, static_cast<size_t>(depth) * 2);
    to[depth] = 0;
  }
  return out;
}

void PanelLinear::run(const ProductArgs& call) const {
  ProductArgs args = call;
  Tensor padded;
  if (panels.type == DType::kBF16 && in_features % 2 != 0) {
    padded = padded_rows(args, in_features);
    args.x = padded.raw();
    args.row_stride = in_features + 1;
  }
  const bool quantised = panels.type == DType::kI8;
  const int64_t row_bytes =
      quantised ? panels.lanes * 4 : args.row_stride * static_cast<int64_t>(dtype_size(panels.type));
  const Kernels& k = kernels(panels.level);
  const int64_t unit = strip_unit(k), fitting = strip_bytes(k) / std::max<int64_t>(1, panels.lanes * 4) / unit * unit;
  int64_t strip = std::clamp<int64_t>(fitting, round_up<int64_t>(8 * kMaxTileRows, unit), kMaxStripRows);
  // Enough tasks for all threads to finish together: first with fewer panels in a task, then with shorter strips.
  const int64_t wanted = thread_count() > 1 ? 4 * thread_count() : 1;
  if (ceil_div(args.rows, strip) * panels.count < wanted)
    strip = std::max<int64_t>(ceil_div(ceil_div(args.rows * panels.count, wanted), unit) * unit,
                              round_up<int64_t>(2 * kMaxTileRows, unit));
  const int64_t strips = ceil_div(args.rows, strip);
  const int64_t groups = std::clamp<int64_t>(ceil_div(wanted, strips), 1, panels.count);
  // Each task quantises its own rows, unless several tasks work on the same rows.
  Tensor shared;
  if (quantised && groups > 1) {
    shared = Tensor({QuantisedRows::bytes(args.rows, row_bytes)}, DType::kU8);
    const QuantisedRows to(static_cast<char*>(shared.raw()), args.rows);
    parallel_for(args.rows, 4, [&](int64_t begin, int64_t end) {
      quantise(args, panels, in_features, begin, end - begin, to, begin);
    });
  }
  const Finish finish{.out = args.out,
                      .residual = args.residual,
                      .activation = args.activation,
                      .scale = args.scale,
                      .type = args.type};
  parallel_tasks(strips * groups, [&](int64_t task) {
    const int64_t first = task / groups * strip, rows = std::min(strip, args.rows - first), group = task % groups;
    int64_t* offsets = thread_scratch<int64_t>(ScratchUse::kTables, 2 * rows);
    for (int64_t r = 0; r < rows; ++r) {
      offsets[r] = (first + r) * row_bytes;
      offsets[rows + r] = (first + r) * panels.columns;
    }
    const int64_t none = 0;
    Strip s{.a = static_cast<const char*>(args.x),
            .row_offset = offsets,
            .tap_offset = &none,
            .out_offset = offsets + rows,
            .rows = rows};
    if (quantised) {
      char* memory = shared.defined() ? static_cast<char*>(shared.raw())
                                      : thread_scratch<char>(ScratchUse::kRows, QuantisedRows::bytes(rows, row_bytes));
      const QuantisedRows b(memory, shared.defined() ? args.rows : rows);
      const int64_t skip = shared.defined() ? first : 0;
      if (!shared.defined()) quantise(args, panels, in_features, first, rows, b, 0);
      s.a = b.values + (skip - first) * row_bytes;
      s.scale = b.scale + skip;
      s.zero = b.zero + skip;
    }
    multiply(panels, s, panels.count * group / groups, panels.count * (group + 1) / groups, finish);
  });
}

}  // namespace

PackedLinearPtr make_panel_linear(std::span<const StoredTensor> weights, const StoredTensor& bias, DType compute,
                                  bool geglu, const Packer& packer) {
  auto w = std::make_shared<PanelLinear>();
  for (const StoredTensor& weight : weights) w->out_features += weight.dim(0);
  w->in_features = weights[0].dim(1);
  w->compute = value_type(compute);
  w->geglu = geglu;
  w->panels = pack_panels(weights, {}, bias, compute, geglu, packer);
  w->bytes = w->panels.bytes;
  return w;
}

}  // namespace easel::ops::cpu
