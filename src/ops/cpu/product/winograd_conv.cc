// 3x3 convolutions with Winograd's F(2x2, 3x3): 4x4 tiles of the map and the windows are transformed to a basis in
// which four outputs take sixteen products per channel instead of thirty-six.
#include <algorithm>

#include "ops/cpu/kernels/types.h"
#include "ops/cpu/product/conv_tiles.h"
#include "ops/cpu/product/panels.h"
#include "ops/cpu/product/product.h"
#include "ops/cpu/scratch.h"
#include "ops/linear.h"

namespace easel::ops::cpu {
namespace {

constexpr int64_t kPlanes = 16;
constexpr int64_t kTiles = 64;  // most tiles of 2x2 outputs in a task

// The work memory of a task: planes of values [tile][channel], planes of sums [tile][column of a panel], and the output
// [row][column of a panel].
struct Work {
  char* values;
  float* scale;  // of quantised values: [plane][tile], see QuantiseRows
  int32_t* zero;
  float *sums, *out;
  int32_t* rows;           // row of `out` for the four pixels of each tile; the last row for those outside of the map
  int64_t* out_offset;     // of each row in the output
  const float** row_bias;  // of each row
  int64_t valid;           // rows inside the map
};

class WinogradConv final : public CpuConv {
 public:
  void run(const ConvolutionArgs& args) const override;
  uint64_t executed(uint64_t flops) const override { return flops / 9 * 4; }
  Panels panels;  // a tap for each plane

 private:
  void run_tile(const ConvolutionArgs& args, const Geometry& g, const Tile& tile, int64_t group, int64_t groups) const;
  Work prepare(const ConvolutionArgs& args, const Geometry& g, const Tile& tile) const;
  void transform_line(const WinogradInput& line, const Work& work, int64_t first, int64_t tiles) const;
  void multiply(const Work& work, int64_t panel, int64_t tiles) const;
};

Work WinogradConv::prepare(const ConvolutionArgs& args, const Geometry& g, const Tile& tile) const {
  const Kernels& k = kernels(panels.level);
  const int64_t tiles = tile.positions(), plane = tiles * g.channels, line_plane = tile.columns * g.channels;
  const int64_t row_bytes = g.row_bytes(tile.columns);
  Work w{};
  // Quantised values are made from one transformed line of tiles in bf16.
  const bool quantised = panels.type == DType::kI8;
  const int64_t value_bytes = kPlanes * tiles * panels.lanes * 4;
  const int64_t extra = quantised ? kPlanes * (tiles * 2 + tile.columns * g.channels / 2) : 0;
  w.sums =
      thread_scratch<float>(ScratchUse::kSums, value_bytes / 4 + extra + (kPlanes + 4) * tiles * k.panel + k.panel);
  w.out = w.sums + kPlanes * tiles * k.panel;
  w.values = reinterpret_cast<char*>(w.out + (4 * tiles + 1) * k.panel);
  w.scale = reinterpret_cast<float*>(w.values + value_bytes);
  w.zero = reinterpret_cast<int32_t*>(w.scale + kPlanes * tiles);
  w.out_offset = thread_scratch<int64_t>(ScratchUse::kTables, 8 * tiles + 2 * tiles);
  w.row_bias = reinterpret_cast<const float**>(w.out_offset + 4 * tiles);
  w.rows = reinterpret_cast<int32_t*>(w.out_offset + 8 * tiles);
  const char* strip = copy_strip(args.x, g, tile);
  int64_t t = 0;
  for (int64_t s = 0; s < tile.samples; ++s)
    for (int64_t r = 0; r < tile.rows; ++r, t += tile.columns) {
      const char* line = strip + (s * g.window(tile.rows) + 2 * r) * row_bytes;
      const WinogradInput from{.in = line,
                               .row = row_bytes / g.element,
                               .channels = g.channels,
                               .tiles = tile.columns,
                               .plane = quantised ? line_plane : plane,
                               .pitch = g.channels};
      transform_line(from, w, t, tiles);
      for (int64_t i = 0; i < 4 * tile.columns; ++i) {
        const int64_t n = tile.n + s, y = 2 * (tile.y + r) + i % 4 / 2, x = 2 * (tile.x + i / 4) + i % 2;
        const bool inside = y < args.out.dim(1) && x < args.out.dim(2);
        w.rows[4 * t + i] = static_cast<int32_t>(inside ? w.valid : 4 * tiles);
        if (!inside) continue;
        w.out_offset[w.valid] = ((n * args.out.dim(1) + y) * args.out.dim(2) + x) * out_channels;
        w.row_bias[w.valid++] = args.channel_bias ? args.channel_bias + n * out_channels : nullptr;
      }
    }
  return w;
}

// Transforms one line of tiles, the first of which is tile `first`, into the planes of values.
void WinogradConv::transform_line(const WinogradInput& line, const Work& work, int64_t first, int64_t tiles) const {
  const Kernels& k = kernels(panels.level);
  WinogradInput to = line;
  if (panels.type != DType::kI8) {
    to.out = work.values + first * panels.lanes * 4;
    return k.winograd_input[type_index(panels.type)](to);
  }
  auto* exact = reinterpret_cast<uint16_t*>(work.zero + kPlanes * tiles);
  to.out = exact;
  k.winograd_input[type_index(DType::kBF16)](to);
  const int64_t pitch = panels.lanes * 4;
  for (int64_t p = 0; p < kPlanes; ++p) {
    const int64_t at = p * tiles + first;
    k.quantise_rows[type_index(DType::kBF16)]({.x = exact + p * line.plane,
                                               .stride = line.channels,
                                               .rows = line.tiles,
                                               .depth = line.channels,
                                               .to = reinterpret_cast<uint8_t*>(work.values) + at * pitch,
                                               .pitch = pitch,
                                               .scale = work.scale + at,
                                               .zero = work.zero + at});
  }
}

// The sixteen products with one panel, followed by the inverse transform.
void WinogradConv::multiply(const Work& work, int64_t panel, int64_t tiles) const {
  const Kernels& k = kernels(panels.level);
  const int64_t vectors = panels.vectors_of(panel), columns = vectors * k.vec, none = 0;
  const int64_t row_bytes = panels.lanes * 4, plane = tiles * k.panel;
  const float* weights = panels.weights + panel * k.panel * kPlanes * panels.lanes;
  PanelTile t{.tap_offset = &none, .taps = 1, .lanes = panels.lanes, .out_stride = k.panel, .accumulate = false};
  for (int64_t p = 0; p < kPlanes; ++p, weights += panels.lanes * columns)
    for (int64_t first = 0; first < tiles; first += kMaxTileRows) {
      const int64_t rows = std::min<int64_t>(kMaxTileRows, tiles - first);
      int64_t offsets[kMaxTileRows];
      for (int64_t i = 0; i < rows; ++i) offsets[i] = i * row_bytes;
      t.a = work.values + (p * tiles + first) * row_bytes;
      t.row_offset = offsets;
      t.weights = weights;
      t.out = work.sums + p * plane + first * k.panel;
      k.panel_tile[type_index(panels.type)][rows - 1][vectors - 1](t);
      if (panels.type != DType::kI8) continue;
      const int64_t at = (panel * kPlanes + p) * k.panel, row = p * tiles + first;
      k.dequantise({.sums = t.out,
                    .sums_stride = k.panel,
                    .rows = rows,
                    .columns = columns,
                    .row_scale = work.scale + row,
                    .row_zero = work.zero + row,
                    .weight_scale = panels.scale + at,
                    .weight_sum = panels.sum + at});
    }
  k.winograd_output({.in = work.sums,
                     .plane = plane,
                     .pitch = k.panel,
                     .tiles = tiles,
                     .columns = columns,
                     .rows = work.rows,
                     .out = work.out});
}

void WinogradConv::run_tile(const ConvolutionArgs& args, const Geometry& g, const Tile& tile, int64_t group,
                            int64_t groups) const {
  const Kernels& k = kernels(panels.level);
  const Work work = prepare(args, g, tile);
  const int64_t element = static_cast<int64_t>(dtype_size(args.out.dtype()));
  for (int64_t panel = panels.count * group / groups; panel < panels.count * (group + 1) / groups; ++panel) {
    multiply(work, panel, tile.positions());
    const int64_t skip = panel * panels.width;
    for (int64_t row = 0; row < work.valid; row += kMaxTileRows) {
      FinishTile f{};
      f.sums = work.out + row * k.panel;
      f.sums_stride = k.panel;
      f.rows = std::min<int64_t>(kMaxTileRows, work.valid - row);
      f.columns = panels.columns_of(panel);
      f.bias = panels.bias + panel * k.panel;
      const float* extra[kMaxTileRows];
      if (args.channel_bias) {
        for (int64_t r = 0; r < f.rows; ++r) extra[r] = work.row_bias[row + r] + skip;
        f.row_bias = extra;
      }
      f.activation = static_cast<int>(args.activation);
      f.scale = 1.0f;
      f.residual = args.residual ? static_cast<const char*>(args.residual) + skip * element : nullptr;
      f.out = static_cast<char*>(const_cast<void*>(args.out.raw())) + skip * element;
      f.out_offset = work.out_offset + row;
      k.finish[type_index(args.out.dtype())](f);
    }
  }
}

void WinogradConv::run(const ConvolutionArgs& args) const {
  const int64_t up = args.upsample2x ? 2 : 1, h = up * args.x.dim(1), width = up * args.x.dim(2);
  const Geometry g{.n = args.x.dim(0),
                   .h = h,
                   .w = width,
                   .channels = in_channels,
                   .out_h = (h + 1) / 2,
                   .out_w = (width + 1) / 2,
                   .kernel = 4,
                   .stride = 2,
                   .pad = 1,
                   .element = static_cast<int64_t>(dtype_size(compute)),
                   .upsample = args.upsample2x};
  const Tiling t = choose_tiling(g, kTiles, panels.count);
  const int64_t wanted = thread_count() > 1 ? 4 * thread_count() : 1;
  const int64_t groups = std::clamp<int64_t>((wanted + t.count() - 1) / t.count(), 1, panels.count);
  parallel_tasks(t.count() * groups,
                 [&](int64_t task) { run_tile(args, g, tile_at(g, t, task / groups), task % groups, groups); });
}

}  // namespace

bool winograd_fits(const StoredTensor& weight, const ConvShape& shape) {
  return weight.dim(2) == 3 && shape.stride == 1 && shape.pad == 1 && (shape.pad_after < 0 || shape.pad_after == 1) &&
         !shape.upsample2x && weight.dim(1) % 2 == 0;
}

PackedConvPtr make_winograd_conv(const StoredTensor& weight, const StoredTensor& bias, const ConvShape& shape,
                                 DType compute, const Packer& packer) {
  auto w = std::make_shared<WinogradConv>();
  w->out_channels = weight.dim(0);
  w->in_channels = weight.dim(1);
  w->kernel = 3;
  w->shape = shape;
  w->shape.pad_after = 1;
  w->compute = value_type(compute);
  w->panels = pack_panels({&weight, 1}, {kPlanes, 1, WindowKind::kWinograd}, bias, compute, false, packer);
  w->bytes = w->panels.bytes;
  return w;
}

}  // namespace easel::ops::cpu
