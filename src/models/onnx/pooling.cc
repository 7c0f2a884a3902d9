// Pooling, padding, and the table of operators on maps.
#include <limits>

#include "base/error.h"
#include "models/onnx/windows.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/elementwise.h"

namespace easel::models::onnx {
namespace {

// f(a, b) over the pixels of windows: along the columns of each window first, then along its rows.
template <class F>
Tensor pooled(const Tensor& map, const Window& window, float outside, const F& f) {
  const Window padded = window.padded_for({map.dim(1), map.dim(2)});
  Tensor out = map;
  for (const size_t d : {size_t{1}, size_t{0}}) {
    Window one;
    one.ceil = padded.ceil;
    one.size = {1, 1};
    one.size[d] = padded.size[d];
    one.stride[d] = padded.stride[d];
    one.dilation[d] = padded.dilation[d];
    one.before[d] = padded.before[d];
    one.after[d] = padded.after[d];
    const WindowPixels pixels(out, one, outside);
    const auto pixel = [&](int64_t k) { return d == 0 ? pixels(k, 0) : pixels(0, k); };
    Tensor best = clone(pixel(0));
    for (int64_t k = 1; k < padded.size[d]; ++k) ops::update(best, f, pixel(k));
    out = best;
  }
  return out;
}

Run max_pool(Node& node) {
  const Window window = read_window(node);
  if (node.integer("storage_order", 0) != 0) node.refuse("it counts by columns");
  return [window](const Inputs& in) -> Outputs {
    return {channels_first(pooled(channels_last(map_of(in)), window, -std::numeric_limits<float>::max(),
                                  [](auto a, auto b) { return ops::max(a, b); }))};
  };
}

// How many of each window's places along a side count.
std::vector<float> counted(int64_t size, const Window& window, size_t d, bool padding_counts, int64_t places) {
  std::vector<float> out;
  const int64_t first = padding_counts ? -window.before[d] : 0, end = size + (padding_counts ? window.after[d] : 0);
  for (int64_t i = 0; i < places; ++i) {
    int64_t count = 0;
    for (int64_t k = 0; k < window.size[d]; ++k) {
      const int64_t at = i * window.stride[d] + k * window.dilation[d] - window.before[d];
      count += at >= first && at < end;
    }
    out.push_back(static_cast<float>(count));
  }
  return out;
}

Run average_pool(Node& node) {
  const Window window = read_window(node);
  const bool padding_counts = node.integer("count_include_pad", 0) != 0;
  return [=](const Inputs& in) -> Outputs {
    const Tensor map = channels_last(map_of(in));
    const Window padded = window.padded_for({map.dim(1), map.dim(2)});
    const Tensor sums = pooled(map, padded, 0.0f, [](auto a, auto b) { return a + b; });
    const auto counts = [&](size_t d, const Shape& shape) {
      return Tensor::of(shape, counted(map.dim(static_cast<int>(d) + 1), padded, d, padding_counts,
                                       sums.dim(static_cast<int>(d) + 1)))
          .to(map.device());
    };
    return {channels_first(ops::map([](auto v, auto rows, auto columns) { return v / (rows * columns); }, sums,
                                    counts(0, {1, sums.dim(1), 1, 1}), counts(1, {1, 1, sums.dim(2), 1})))};
  };
}

Run of_whole_map(ops::Reduction how) {
  return [how](const Inputs& in) -> Outputs {
    return {channels_first(ops::reduce(channels_last(map_of(in)), how, 1, 2))};
  };
}
Run global_average(Node&) { return of_whole_map(ops::Reduction::kMean); }
Run global_max(Node&) { return of_whole_map(ops::Reduction::kMax); }

// [N,C,H,W] in groups of r x r channels or pixels.
Run depth_to_space(Node& node) {
  const int64_t r = node.integer("blocksize", 0);
  const std::string mode = node.text("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") node.refuse("its mode is '" + mode + "'");
  return [=](const Inputs& in) -> Outputs {
    const Tensor map = channels_last(map_of(in));
    const int64_t n = map.dim(0), h = map.dim(1), w = map.dim(2);
    if (r < 1 || r > 64 || map.dim(3) % (r * r) != 0)
      throw Error(Fault::kBadFile, "blocks of " + std::to_string(r) + " in " + in.floats(0).str());
    const int64_t c = map.dim(3) / (r * r);
    const Tensor dense = contiguous(map);
    const Tensor cells = mode == "DCR" ? dense.view({n, h, w, r, r, c}).permute({0, 1, 3, 2, 4, 5})
                                       : dense.view({n, h, w, c, r, r}).permute({0, 1, 4, 2, 5, 3});
    return {channels_first(contiguous(cells).view({n, h * r, w * r, c}))};
  };
}

Run pad(Node& node) {
  constexpr int64_t kByInputs = 11;
  const std::string mode = node.text("mode", "constant");
  if (mode != "constant") node.refuse("it pads by '" + mode + "'");
  float value = 0;
  std::vector<int64_t> pads;
  if (node.opset() < kByInputs) {
    pads = node.integers("pads");
    value = node.number("value", 0.0f);
  } else {
    if (node.has_input(3)) node.refuse("it pads axes that it names");
    pads = node.listed("pads", 1);
    if (node.has_input(2)) {
      const Value* given = node.constant(2);
      if (!given || given->is_whole || given->floats.numel() != 1) node.refuse("the value it pads with is computed");
      value = ops::item(given->floats.to(kHost));
    }
  }
  return [=](const Inputs& in) -> Outputs {
    const Tensor map = channels_last(map_of(in));
    constexpr size_t kEnds = 8;
    if (pads.size() != kEnds || pads[0] != 0 || pads[1] != 0 || pads[4] != 0 || pads[5] != 0)
      throw Error(Fault::kUnsupported, "padding of other dimensions than height and width");
    for (const int64_t p : pads)
      if (p < 0 || p > 4096) throw Error(Fault::kUnsupported, "padding by " + std::to_string(p) + " pixels");
    return {channels_first(framed(map, {pads[2], pads[3]}, {pads[6], pads[7]}, value))};
  };
}

constexpr Operator kOperators[] = {
    {"AveragePool", average_pool},
    {"Conv", convolution},
    {"DepthToSpace", depth_to_space},
    {"GlobalAveragePool", global_average},
    {"GlobalMaxPool", global_max},
    {"MaxPool", max_pool},
    {"Pad", pad},
    {"Resize", resize},
    {"Upsample", upsample},
};

}  // namespace

std::span<const Operator> window_operators() { return kOperators; }

}  // namespace easel::models::onnx
