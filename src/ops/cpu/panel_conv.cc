// Convolutions on the panel kernel, without ever unfolding the input: a task copies the part of the map
// that its outputs see, zeros around it, into one small strip; then a row of the kernel's window is one
// run of k * in values, and output pixels are rows of the product.
#include <algorithm>
#include <cstring>

#include "ops/cpu/panels.h"
#include "ops/cpu/product.h"
#include "ops/cpu/scratch.h"

namespace easel::ops::cpu {
namespace {

constexpr int64_t kStripBytes = 1 << 20;
constexpr int64_t kTileWidth = 64;    // output pixels side by side
constexpr int64_t kTilePixels = 300;  // aimed at

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The parts one call is cut into: `samples` x `rows` x `columns` output pixels each.
struct Tiling {
  int64_t samples = 1, rows = 1, columns = 1;
  int64_t across = 1, down = 1, deep = 1;  // tiles in each direction
  int64_t count() const { return across * down * deep; }
};

struct Geometry {
  int64_t n, h, w, channels;  // input, enlarged if so asked
  int64_t out_h, out_w, out_channels;
  int64_t kernel, stride, pad;
  int64_t element;  // bytes
  bool upsample;

  // Input pixels seen by `count` neighbouring outputs.
  int64_t window(int64_t count) const { return (count - 1) * stride + kernel; }
  int64_t row_bytes(int64_t columns) const { return (window(columns) * channels * element + 63) / 64 * 64; }
  int64_t strip_bytes(const Tiling& t) const { return t.samples * window(t.rows) * row_bytes(t.columns); }
};

Tiling choose_tiling(const Geometry& g, int64_t panels) {
  Tiling t;
  t.columns = ceil_div(g.out_w, ceil_div(g.out_w, kTileWidth));
  const auto room = [&](Tiling bigger) {
    return bigger.samples * bigger.rows * bigger.columns <= kMaxStripRows && g.strip_bytes(bigger) <= kStripBytes;
  };
  const auto grow = [&](int64_t Tiling::*size, int64_t limit) {
    while (t.*size < limit && t.samples * t.rows * t.columns < kTilePixels) {
      Tiling bigger = t;
      ++(bigger.*size);
      if (!room(bigger)) return;
      t = bigger;
    }
  };
  grow(&Tiling::rows, g.out_h);
  if (t.rows == g.out_h && t.columns == g.out_w) grow(&Tiling::samples, g.n);
  // Few large tiles would leave threads idle; tiles of equal height end together.
  const auto tiles = [&] {
    return ceil_div(g.out_w, t.columns) * ceil_div(g.out_h, t.rows) * ceil_div(g.n, t.samples);
  };
  while (t.rows > 1 && t.rows * t.columns > 96 && tiles() * panels < 4 * thread_count()) --t.rows;
  t.rows = ceil_div(g.out_h, ceil_div(g.out_h, t.rows));
  t.across = ceil_div(g.out_w, t.columns);
  t.down = ceil_div(g.out_h, t.rows);
  t.deep = ceil_div(g.n, t.samples);
  return t;
}

class PanelConv final : public CpuConv {
 public:
  void run(const ConvolutionArgs& args) const override;
  Panels panels;

 private:
  void run_tile(const ConvolutionArgs& args, const Geometry& g, const Tiling& t, int64_t tile, int64_t first,
                int64_t last) const;
};

// The strip of a tile: rows y0.. of `rows` window rows, columns x0.. of `columns` window columns; zeros where
// the window leaves the map.
void copy_window(const Tensor& x, const Geometry& g, int64_t sample, int64_t y0, int64_t rows, int64_t x0,
                 int64_t columns, int64_t row_bytes, char* to) {
  const auto pixel = static_cast<size_t>(g.channels * g.element);
  const int64_t left = std::clamp<int64_t>(-x0, 0, columns), right = std::clamp<int64_t>(g.w - x0, left, columns);
  const auto* base = static_cast<const char*>(x.raw()) + sample * x.stride(0) * g.element;
  const int64_t row_step = x.stride(1) * g.element, pixel_step = x.stride(2) * g.element;
  for (int64_t r = 0; r < rows; ++r, to += row_bytes) {
    const int64_t y = y0 + r;
    if (y < 0 || y >= g.h || left == right) {
      std::memset(to, 0, static_cast<size_t>(row_bytes));
      continue;
    }
    const size_t before = static_cast<size_t>(left) * pixel, inside = static_cast<size_t>(right - left) * pixel;
    std::memset(to, 0, before);
    const char* row = base + (g.upsample ? y / 2 : y) * row_step;
    if (!g.upsample && pixel_step == static_cast<int64_t>(pixel)) {
      std::memcpy(to + before, row + (x0 + left) * pixel_step, inside);
    } else {
      for (int64_t c = left; c < right; ++c)
        std::memcpy(to + static_cast<size_t>(c) * pixel, row + (g.upsample ? (x0 + c) / 2 : x0 + c) * pixel_step,
                    pixel);
    }
    std::memset(to + before + inside, 0, static_cast<size_t>(row_bytes) - before - inside);
  }
}

void PanelConv::run_tile(const ConvolutionArgs& args, const Geometry& g, const Tiling& t, int64_t tile, int64_t first,
                         int64_t last) const {
  const int64_t x0 = tile % t.across * t.columns, y0 = tile / t.across % t.down * t.rows;
  const int64_t n0 = tile / (t.across * t.down) * t.samples;
  const int64_t columns = std::min(t.columns, g.out_w - x0), rows = std::min(t.rows, g.out_h - y0);
  const int64_t samples = std::min(t.samples, g.n - n0), pixels = samples * rows * columns;
  const int64_t row_bytes = g.row_bytes(columns), window_rows = g.window(rows);
  // The last lane of the last window may reach past the end by two bytes.
  char* strip = thread_scratch<char>(ScratchUse::kRows, samples * window_rows * row_bytes + 64);
  std::memset(strip + samples * window_rows * row_bytes, 0, 64);
  int64_t* tables = thread_scratch<int64_t>(ScratchUse::kTables, 3 * pixels + g.kernel);
  int64_t *a = tables, *out = tables + pixels, *taps = tables + 3 * pixels;
  auto* bias = reinterpret_cast<const float**>(tables + 2 * pixels);
  for (int64_t s = 0; s < samples; ++s) {
    char* to = strip + s * window_rows * row_bytes;
    copy_window(args.x, g, n0 + s, y0 * g.stride - g.pad, window_rows, x0 * g.stride - g.pad, g.window(columns),
                row_bytes, to);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c, ++a, ++out, ++bias) {
        *a = (s * window_rows + r * g.stride) * row_bytes + c * g.stride * g.channels * g.element;
        *out = (((n0 + s) * g.out_h + y0 + r) * g.out_w + x0 + c) * g.out_channels;
        *bias = args.channel_bias ? args.channel_bias + (n0 + s) * g.out_channels : nullptr;
      }
  }
  for (int64_t i = 0; i < g.kernel; ++i) taps[i] = i * row_bytes;
  const Strip s{strip,
                tables,
                taps,
                tables + pixels,
                args.channel_bias ? reinterpret_cast<const float* const*>(tables + 2 * pixels) : nullptr,
                pixels};
  multiply(panels, s, first, last,
           {const_cast<void*>(args.out.raw()), args.residual, args.activation, 1.0f, args.out.dtype()});
}

void PanelConv::run(const ConvolutionArgs& args) const {
  const int64_t up = args.upsample2x ? 2 : 1;
  const Geometry g{args.x.dim(0),
                   up * args.x.dim(1),
                   up * args.x.dim(2),
                   in_channels,
                   args.out.dim(1),
                   args.out.dim(2),
                   out_channels,
                   kernel,
                   shape.stride,
                   shape.pad,
                   static_cast<int64_t>(dtype_size(compute)),
                   args.upsample2x};
  const Tiling t = choose_tiling(g, panels.count);
  const int64_t groups =
      std::clamp<int64_t>(ceil_div(thread_count() > 1 ? 4 * thread_count() : 1, t.count()), 1, panels.count);
  parallel_tasks(t.count() * groups, [&](int64_t task) {
    const int64_t group = task % groups;
    run_tile(args, g, t, task / groups, panels.count * group / groups, panels.count * (group + 1) / groups);
  });
}

}  // namespace

PackedConvPtr make_panel_conv(const Tensor& weight, const Tensor& bias, const ConvShape& shape, DType compute) {
  auto w = std::make_shared<PanelConv>();
  w->out_channels = weight.dim(0);
  w->in_channels = weight.dim(1);
  w->kernel = weight.dim(2);
  w->shape = shape;
  if (w->shape.pad_after < 0) w->shape.pad_after = shape.pad;
  w->compute = compute;
  WeightLayout layout;
  layout.taps = layout.runs = w->kernel;
  layout.inner = w->in_channels;
  layout.output_stride = weight.stride(0);
  layout.inner_stride = weight.stride(1);
  layout.tap_stride = weight.stride(2);
  layout.run_stride = weight.stride(3);
  w->panels = pack_panels(weight, layout, bias, compute, false);
  w->bytes = w->panels.bytes;
  return w;
}

}  // namespace easel::ops::cpu
