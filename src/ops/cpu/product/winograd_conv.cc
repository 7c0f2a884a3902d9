// 3x3 convolutions with Winograd's F(2x2, 3x3): 4x4 tiles of the map and the windows are transformed to a basis in
// which four outputs take sixteen products per channel instead of thirty-six.
#include <algorithm>

#include "base/round.h"
#include "ops/cpu/kernels/types.h"
#include "ops/cpu/product/conv_tiles.h"
#include "ops/cpu/product/panels.h"
#include "ops/cpu/product/product.h"
#include "ops/cpu/product/tile_product.h"
#include "ops/cpu/scratch.h"
#include "ops/linear.h"

namespace easel::ops::cpu {
namespace {

constexpr int64_t kPlanes = 16;
constexpr int64_t kTiles = 64;  // most tiles of 2x2 outputs in a task

// With matrix registers, which use up weights faster, as many as the second-level cache has room for.
constexpr int64_t kValueBytes = 1 << 20;
constexpr int64_t kMostTiles = 256;

// Work memory of a task. Planes of values [tile][channel], planes of sums and the output [row][column of a panel].
struct Work {
  char* values;
  float* scale;  // of quantised values: [plane][tile], see QuantiseRows
  int32_t* zero;
  float *sums, *out;
  int32_t* rows;           // row of `out` for the four pixels of each tile; the last row for those outside of the map
  int64_t* out_offset;     // of each row in the output
  const float** row_bias;  // of each row
  int64_t valid;           // rows inside of the map
  int64_t pitch;           // bytes from value to value of a plane
};

class WinogradConv final : public CpuConv {
 public:
  void run(const ConvolutionArgs& args) const override;
  uint64_t executed(uint64_t flops) const override { return flops / 9 * 4; }
  Panels panels;  // a tap for each plane

 private:
  friend class WinogradFinisher;
  bool by_tiles() const { return kernels(panels.level).tile_product[type_index(panels.type)] != nullptr; }
  int64_t value_pitch() const;
  int64_t tiles_of_task() const;
  void multiply_with_tiles(const ConvolutionArgs& args, const Work& work, int64_t tiles, int64_t first,
                           int64_t last) const;
  void finish_rows(const ConvolutionArgs& args, const Work& work, int64_t panel, int64_t column, int64_t columns,
                   int64_t pitch, int64_t row, int64_t rows) const;
  void run_tile(const ConvolutionArgs& args, const Geometry& g, const Tile& tile, int64_t group, int64_t groups) const;
  Work prepare(const ConvolutionArgs& args, const Geometry& g, const Tile& tile) const;
  void transform_line(const WinogradInput& line, const Work& work, int64_t first, int64_t tiles) const;
  void multiply(const Work& work, int64_t panel, int64_t tiles) const;
};

// Bytes from one value of a plane to the next. For matrix registers whole lines, and not so many that the values of
// neighbouring tiles compete for the same lines of the cache.
int64_t WinogradConv::value_pitch() const {
  if (!by_tiles()) return panels.lanes * 4;
  constexpr int64_t kLine = 64;
  const int64_t lines = ceil_div(panels.lanes * 4, kLine);
  return (lines % 16 == 0 ? lines + 1 : lines) * kLine;
}

int64_t WinogradConv::tiles_of_task() const {
  if (!by_tiles()) return kTiles;
  const int64_t fitting = kValueBytes / (kPlanes * value_pitch()) / (2 * kTileRows) * 2 * kTileRows;
  return std::clamp(fitting, kTiles, kMostTiles);
}

Work WinogradConv::prepare(const ConvolutionArgs& args, const Geometry& g, const Tile& tile) const {
  const Kernels& k = kernels(panels.level);
  Work w{};
  w.pitch = value_pitch();
  const int64_t tiles = tile.positions(), line_plane = tile.columns * g.channels;
  const int64_t pitch = w.pitch / g.element, plane = tiles * pitch;  // elements
  const int64_t row_bytes = g.row_bytes(tile.columns);
  // Bytes come from a line of tiles in bf16.
  const bool quantised = panels.type == DType::kI8;
  const int64_t value_bytes = kPlanes * tiles * w.pitch;
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
      WinogradInput from{};
      from.in = line;
      from.row = row_bytes / g.element;
      from.channels = g.channels;
      from.tiles = tile.columns;
      from.plane = quantised ? line_plane : plane;
      from.pitch = quantised ? g.channels : pitch;
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
    to.out = work.values + first * work.pitch;
    return k.winograd_input[type_index(panels.type)](to);
  }
  auto* exact = reinterpret_cast<uint16_t*>(work.zero + kPlanes * tiles);
  to.out = exact;
  k.winograd_input[type_index(DType::kBF16)](to);
  const int64_t pitch = work.pitch;
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

// Rows of the output, of `columns` columns from `column` of the panel on, which lie in work.out.
void WinogradConv::finish_rows(const ConvolutionArgs& args, const Work& work, int64_t panel, int64_t column,
                               int64_t columns, int64_t pitch, int64_t row, int64_t rows) const {
  const Kernels& k = kernels(panels.level);
  const int64_t element = static_cast<int64_t>(dtype_size(args.out.dtype()));
  const int64_t skip = panel * panels.width + column;
  for (const int64_t end = row + rows; row < end; row += kMaxTileRows) {
    FinishTile f{};
    f.sums = work.out + row * pitch;
    f.sums_stride = pitch;
    f.rows = std::min<int64_t>(kMaxTileRows, end - row);
    f.columns = columns;
    f.bias = panels.bias + panel * k.panel + column;
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

// Turns the sums of one pair of vectors of outputs into pixels, a few tiles at a time, while those of the next pair are
// multiplied.
class WinogradFinisher {
 public:
  WinogradFinisher(const WinogradConv& conv, const ConvolutionArgs& args, const Work& work, int64_t tiles,
                   int64_t quota)
      : c_(conv), args_(args), work_(work), tiles_(tiles), quota_(quota) {}

  void begin(int64_t panel, int64_t column, int64_t vectors, float* sums) {
    panel_ = panel;
    column_ = column;
    columns_ = vectors * k_.vec;
    sums_ = sums;
    next_ = row_ = 0;
  }
  void end() {
    if (sums_) run(tiles_ - next_);
  }
  static void meanwhile(void* context) {
    auto& self = *static_cast<WinogradFinisher*>(context);
    if (self.sums_) self.run(std::min(self.quota_, self.tiles_ - self.next_));
  }
  static constexpr int64_t kPitch = 32;  // floats of a row

 private:
  void run(int64_t tiles) {
    if (tiles <= 0) return;
    const int64_t plane = tiles_ * kPitch;
    float* sums = sums_ + next_ * kPitch;
    if (c_.panels.type == DType::kI8)
      for (int64_t p = 0; p < kPlanes; ++p) {
        const int64_t row = p * tiles_ + next_, at = (panel_ * kPlanes + p) * k_.panel + column_;
        k_.dequantise({.sums = sums + p * plane,
                       .sums_stride = kPitch,
                       .rows = tiles,
                       .columns = columns_,
                       .row_scale = work_.scale + row,
                       .row_zero = work_.zero + row,
                       .weight_scale = c_.panels.scale + at,
                       .weight_sum = c_.panels.sum + at});
      }
    k_.winograd_output({.in = sums,
                        .plane = plane,
                        .pitch = kPitch,
                        .tiles = tiles,
                        .columns = columns_,
                        .rows = work_.rows + 4 * next_,
                        .out = work_.out});
    int64_t rows = 0;
    for (int64_t i = 4 * next_; i < 4 * (next_ + tiles); ++i) rows += work_.rows[i] != 4 * tiles_;
    c_.finish_rows(args_, work_, panel_, column_, std::min(columns_, c_.panels.columns_of(panel_) - column_), kPitch,
                   row_, rows);
    row_ += rows;
    next_ += tiles;
  }

  const WinogradConv& c_;
  const ConvolutionArgs& args_;
  const Work& work_;
  const Kernels& k_ = kernels(c_.panels.level);
  int64_t tiles_, quota_;
  int64_t panel_ = 0, column_ = 0, columns_ = 0, next_ = 0, row_ = 0;
  float* sums_ = nullptr;
};

void WinogradConv::multiply_with_tiles(const ConvolutionArgs& args, const Work& work, int64_t tiles, int64_t first,
                                       int64_t last) const {
  const Kernels& k = kernels(panels.level);
  const TileChunks chunks(panels.lanes, tiles);
  const int64_t groups = ceil_div<int64_t>(tiles, kTileRows);
  int64_t* group = thread_scratch<int64_t>(ScratchUse::kStagedTables, groups + chunks.all_steps);
  int64_t* step = group + groups;
  for (int64_t g = 0; g < groups; ++g) group[g] = g * kTileRows * work.pitch;
  for (int64_t s = 0; s < chunks.all_steps; ++s) step[s] = s * kTileRowBytes;
  const int64_t calls = kPlanes * ceil_div<int64_t>(tiles, 2 * kTileRows) * chunks.all_steps;
  WinogradFinisher finisher(*this, args, work, tiles, ceil_div(tiles, calls));
  TileProduct p{};
  p.group_offset = group;
  p.row_step = work.pitch;
  p.rows = tiles;
  p.vector_stride = k.vec;
  p.out_stride = WinogradFinisher::kPitch;
  p.meanwhile = WinogradFinisher::meanwhile;
  TileSession session(k);
  p.state = session.state();
  p.context = &finisher;
  const int64_t plane = tiles * WinogradFinisher::kPitch;
  int64_t turn = 0;
  for (int64_t panel = first; panel < last; ++panel) {
    const int64_t vectors = panels.vectors_of(panel), columns = vectors * k.vec;
    const float* weights = panels.weights + panel * k.panel * kPlanes * panels.lanes;
    p.weight_step = p.next_step = columns;
    for (int64_t v = 0; v < vectors; v += 2) {
      p.vectors = std::min<int64_t>(2, vectors - v);
      float* sums = work.sums + turn * kPlanes * plane;
      turn = 1 - turn;
      for (int64_t i = 0; i < kPlanes; ++i)
        for (int64_t c = 0; c < chunks.count; ++c) {
          p.a = work.values + i * tiles * work.pitch;
          p.step_offset = step + chunks.steps(c);
          p.lanes = chunks.lanes_of(c);
          p.weights = weights + (i * panels.lanes + chunks.steps(c) * kTileLanes) * columns + v * k.vec;
          p.out = sums + i * plane;
          p.accumulate = c > 0;
          const bool more = i + 1 < kPlanes || c + 1 < chunks.count;
          p.next_weights = more ? p.weights + p.lanes * columns : nullptr;
          p.next_lanes = chunks.lanes_of(0);
          k.tile_product[type_index(panels.type)](p);
        }
      finisher.end();
      finisher.begin(panel, v * k.vec, p.vectors, sums);
    }
  }
  finisher.end();
}

void WinogradConv::run_tile(const ConvolutionArgs& args, const Geometry& g, const Tile& tile, int64_t group,
                            int64_t groups) const {
  const Kernels& k = kernels(panels.level);
  const Work work = prepare(args, g, tile);
  const int64_t first = panels.count * group / groups, last = panels.count * (group + 1) / groups;
  if (by_tiles()) return multiply_with_tiles(args, work, tile.positions(), first, last);
  for (int64_t panel = first; panel < last; ++panel) {
    multiply(work, panel, tile.positions());
    finish_rows(args, work, panel, 0, panels.columns_of(panel), k.panel, 0, work.valid);
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
  const Tiling t = choose_tiling(g, tiles_of_task(), panels.count);
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
