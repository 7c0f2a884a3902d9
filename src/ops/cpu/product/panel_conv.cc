// Convolutions with the panel kernel, without im2col: a task copies the part of the map under its windows into a small
// zero-padded strip. In the strip one row of a window is a run of kernel * in contiguous values, and output pixels are
// the rows of the product.
#include <algorithm>
#include <mutex>
#include <vector>

#include "ops/cpu/kernels/types.h"
#include "ops/cpu/product/conv_tiles.h"
#include "ops/cpu/product/panels.h"
#include "ops/cpu/product/product.h"
#include "ops/cpu/scratch.h"
#include "ops/linear.h"

namespace easel::ops::cpu {
namespace {

// One product over the strip. A plain convolution has one phase. A convolution of a map enlarged by two has four, for
// even and odd rows and columns of the output, each with a folded window over the small map.
struct Phase {
  Panels panels;
  int64_t dy = 0, dx = 0;  // offset of the phase's pixels in the output, and of its windows in the strip
};

class PanelConv final : public CpuConv {
 public:
  void run(const ConvolutionArgs& args) const override;
  uint64_t executed(uint64_t flops) const override { return folded() ? flops / 9 * 4 : flops; }

  bool folded() const { return phases.size() > 1; }
  std::vector<Phase> phases;
  Tensor own_bias;  // kept for plain() if the weights are folded

 private:
  // The same convolution with unfolded windows, for calls that do not enlarge; packed when it is first needed.
  const PanelConv& plain() const;

  mutable std::once_flag unfolding_;
  mutable PackedConvPtr unfolded_;
  void run_tile(const ConvolutionArgs& args, const Geometry& g, const Tile& tile, int64_t group, int64_t groups) const;
  bool quantised() const { return phases.front().panels.type == DType::kI8; }
  int64_t window_size() const { return folded() ? 2 : kernel; }  // as packed
};

// The quantised pixels of a strip, without padding between its lines.
struct QuantisedPixels {
  char* values;
  float* scale;
  int32_t* zero;
};

QuantisedPixels quantise(const char* strip, const Geometry& g, const Tile& tile, const Panels& panels) {
  const int64_t lines = tile.samples * g.window(tile.rows), columns = g.window(tile.columns), pixels = lines * columns;
  const int64_t pitch = panels.lanes * 4;
  char* memory = thread_scratch<char>(ScratchUse::kBytes, pixels * (pitch + 8));
  const QuantisedPixels to{memory + 8 * pixels, reinterpret_cast<float*>(memory),
                           reinterpret_cast<int32_t*>(memory) + pixels};
  for (int64_t line = 0; line < lines; ++line) {
    const int64_t at = line * columns;
    kernels(panels.level)
        .quantise_rows[type_index(DType::kBF16)]({.x = strip + line * g.row_bytes(tile.columns),
                                                  .stride = g.channels,
                                                  .rows = columns,
                                                  .depth = g.channels,
                                                  .to = reinterpret_cast<uint8_t*>(to.values) + at * pitch,
                                                  .pitch = pitch,
                                                  .scale = to.scale + at,
                                                  .zero = to.zero + at});
  }
  return to;
}

void PanelConv::run_tile(const ConvolutionArgs& args, const Geometry& g, const Tile& tile, int64_t group,
                         int64_t groups) const {
  const Panels& first = phases.front().panels;
  const int64_t rows = g.window(tile.rows), columns = g.window(tile.columns), positions = tile.positions();
  const char* strip = copy_strip(args.x, g, tile);
  // Bytes from one pixel, and from one line of the strip, to the next.
  const int64_t pixel = quantised() ? first.lanes * 4 : g.pixel_bytes();
  const int64_t line = quantised() ? columns * pixel : g.row_bytes(tile.columns);
  QuantisedPixels map{};
  if (quantised()) map = quantise(strip, g, tile, first);
  int64_t* tables = thread_scratch<int64_t>(ScratchUse::kTables, 4 * positions + 2 * first.taps);
  int64_t *a = tables, *out = tables + positions, *taps = tables + 4 * positions;
  auto* bias = reinterpret_cast<const float**>(tables + 2 * positions);
  auto *pixels = reinterpret_cast<int32_t*>(tables + 3 * positions),
       *tap_pixels = reinterpret_cast<int32_t*>(taps + first.taps);
  const int64_t step = folded() ? 2 : 1, out_line = args.out.dim(2) * out_channels;
  for (int64_t s = 0, i = 0; s < tile.samples; ++s)
    for (int64_t r = 0; r < tile.rows; ++r)
      for (int64_t c = 0; c < tile.columns; ++c, ++i) {
        a[i] = (s * rows + r * g.stride) * line + c * g.stride * pixel;
        pixels[i] = static_cast<int32_t>((s * rows + r * g.stride) * columns + c * g.stride);
        out[i] = ((tile.n + s) * args.out.dim(1) + step * (tile.y + r)) * out_line + step * (tile.x + c) * out_channels;
        bias[i] = args.channel_bias ? args.channel_bias + (tile.n + s) * out_channels : nullptr;
      }
  // A tap is a line of the window, or one pixel if quantised.
  const int64_t across = quantised() ? window_size() : 1;
  for (int64_t t = 0; t < first.taps; ++t) {
    taps[t] = t / across * line + t % across * pixel;
    tap_pixels[t] = static_cast<int32_t>(t / across * columns + t % across);
  }
  Strip part{.row_offset = a, .tap_offset = taps, .out_offset = out, .rows = positions};
  if (args.channel_bias) part.row_bias = bias;
  if (quantised()) {
    part.pixel = pixels;
    part.tap_pixel = tap_pixels;
  }
  const int64_t element = static_cast<int64_t>(dtype_size(args.out.dtype()));
  for (const Phase& p : phases) {
    part.a = (quantised() ? map.values : strip) + p.dy * line + p.dx * pixel;
    part.scale = map.scale + p.dy * columns + p.dx;
    part.zero = map.zero + p.dy * columns + p.dx;
    const int64_t shift = (p.dy * out_line + p.dx * out_channels) * element;
    Finish finish{.out = static_cast<char*>(const_cast<void*>(args.out.raw())) + shift,
                  .activation = args.activation,
                  .type = args.out.dtype()};
    if (args.residual) finish.residual = static_cast<const char*>(args.residual) + shift;
    const int64_t panels = p.panels.count;
    multiply(p.panels, part, panels * group / groups, panels * (group + 1) / groups, finish);
  }
}

void PanelConv::run(const ConvolutionArgs& args) const {
  if (folded() && !args.upsample2x) return plain().run(args);
  const bool enlarge = args.upsample2x && !folded();
  const int64_t up = enlarge ? 2 : 1, down = folded() ? 2 : 1;
  const Geometry g{.n = args.x.dim(0),
                   .h = up * args.x.dim(1),
                   .w = up * args.x.dim(2),
                   .channels = in_channels,
                   .out_h = args.out.dim(1) / down,
                   .out_w = args.out.dim(2) / down,
                   .kernel = kernel,
                   .stride = shape.stride,
                   .pad = shape.pad,
                   .element = static_cast<int64_t>(dtype_size(compute)),
                   .upsample = enlarge};
  const int64_t panels = phases.front().panels.count;
  const Tiling t = choose_tiling(g, kMaxStripRows, panels);
  const int64_t wanted = thread_count() > 1 ? 4 * thread_count() : 1;
  const int64_t groups = std::clamp<int64_t>((wanted + t.count() - 1) / t.count(), 1, panels);
  parallel_tasks(t.count() * groups,
                 [&](int64_t task) { run_tile(args, g, tile_at(g, t, task / groups), task % groups, groups); });
}

// Recovers the 3x3 windows from the folded ones: each outer row and column is one term of some phase, and the middle
// one is the difference between a folded sum and an outer one.
Tensor unfold_windows(const std::vector<Phase>& phases, int64_t in) {
  const int64_t outputs = phases.front().panels.outputs;
  Tensor weight({outputs, in, 3, 3});
  const auto at = [&](int64_t o, int64_t c, int64_t u, int64_t v, int64_t dy, int64_t dx) {
    const Panels& p = phases[static_cast<size_t>(2 * dy + dx)].panels;
    return p.type == DType::kI8 ? p.value(o, 2 * u + v, c) : p.value(o, u, v * in + c);
  };
  parallel_for(outputs, 1, [&](int64_t begin, int64_t end) {
    float* to = weight.f32() + begin * in * 9;
    for (int64_t o = begin; o < end; ++o)
      for (int64_t c = 0; c < in; ++c, to += 9) {
        // Recovers the three columns of a row of the folded windows of one dy; the rows follow in the same way.
        const auto row = [&](int64_t u, int64_t dy, float* r) {
          r[0] = at(o, c, u, 0, dy, 0);
          r[2] = at(o, c, u, 1, dy, 1);
          r[1] = at(o, c, u, 1, dy, 0) - r[2];
        };
        row(0, 0, to);
        row(1, 1, to + 6);
        row(1, 0, to + 3);
        for (int i = 0; i < 3; ++i) to[3 + i] -= to[6 + i];
      }
  });
  return weight;
}

const PanelConv& PanelConv::plain() const {
  std::call_once(unfolding_, [&] {
    ConvShape straight = shape;
    straight.upsample2x = false;
    unfolded_ = make_panel_conv(unfold_windows(phases, in_channels), own_bias, straight, compute, Packer::pack());
  });
  return static_cast<const PanelConv&>(*unfolded_);
}

}  // namespace

PackedConvPtr make_panel_conv(const StoredTensor& weight, const StoredTensor& bias, const ConvShape& shape,
                              DType compute, const Packer& packer) {
  auto w = std::make_shared<PanelConv>();
  w->out_channels = weight.dim(0);
  w->in_channels = weight.dim(1);
  w->kernel = weight.dim(2);
  w->shape = shape;
  if (w->shape.pad_after < 0) w->shape.pad_after = shape.pad;
  w->compute = value_type(compute);
  // A few calls do not enlarge by exactly two, because of odd sizes: see plain().
  const bool fold =
      shape.upsample2x && w->kernel == 3 && shape.stride == 1 && shape.pad == 1 && w->shape.pad_after == 1;
  constexpr WindowKind kFolds[] = {WindowKind::kFoldEvenEven, WindowKind::kFoldEvenOdd, WindowKind::kFoldOddEven,
                                   WindowKind::kFoldOddOdd};
  for (int64_t i = 0; i < (fold ? 4 : 1); ++i) {
    // A tap is a line of the window, or one pixel if quantised, because each pixel has a scale of its own.
    WeightWindow window = fold ? WeightWindow{2, 2, kFolds[i]} : WeightWindow{w->kernel, w->kernel};
    if (compute == DType::kI8) window = {window.taps * window.runs, 1, window.kind};
    w->phases.push_back({pack_panels({&weight, 1}, window, bias, compute, false, packer), i / 2, i % 2});
    w->bytes += w->phases.back().panels.bytes;
  }
  if (fold && bias.defined()) w->own_bias = clone(bias.decoded());
  return w;
}

}  // namespace easel::ops::cpu
