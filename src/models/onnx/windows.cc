#include "models/onnx/windows.h"

#include <algorithm>

#include "base/error.h"
#include "base/round.h"
#include "ops/arithmetic/formula.h"

namespace easel::models::onnx {
namespace {

int64_t within(int64_t value, int64_t least, int64_t most, const char* what) {
  if (value < least || value > most)
    throw Error(Fault::kBadFile, std::string("a window's ") + what + " of " + std::to_string(value));
  return value;
}

Sides sides(Node& node, const char* attribute, const Sides& absent, int64_t least) {
  const std::vector<int64_t> given = node.integers(attribute, {absent[0], absent[1]});
  if (given.size() != absent.size()) node.refuse("its windows have " + std::to_string(given.size()) + " dimensions");
  constexpr int64_t kMost = 1024;
  return {within(given[0], least, kMost, attribute), within(given[1], least, kMost, attribute)};
}

// out + the pixels' products with their weights, a few at a time: each pass goes over the map once.
void add_products(Tensor& out, const WindowPixels& pixels, const Tensor& weights, const Sides& size) {
  constexpr int64_t kAtOnce = 3;
  const int64_t count = size[0] * size[1];
  const auto pixel = [&](int64_t k) { return pixels(k / size[1], k % size[1]); };
  const auto weight = [&](int64_t k) { return weights.slice(0, k, 1); };
  int64_t k = 0;
  for (; k + kAtOnce <= count; k += kAtOnce)
    ops::update(
        out, [](auto sum, auto a, auto wa, auto b, auto wb, auto c, auto wc) { return sum + a * wa + b * wb + c * wc; },
        pixel(k), weight(k), pixel(k + 1), weight(k + 1), pixel(k + 2), weight(k + 2));
  for (; k < count; ++k)
    ops::update(
        out, [](auto sum, auto v, auto w) { return sum + v * w; }, pixel(k), weight(k));
}

}  // namespace

Window read_window(Node& node, Sides size) {
  Window out;
  out.size = sides(node, "kernel_shape", size, 1);
  out.stride = sides(node, "strides", {1, 1}, 1);
  out.dilation = sides(node, "dilations", {1, 1}, 1);
  out.ceil = node.integer("ceil_mode", 0) != 0;
  const std::string named = node.text("auto_pad", "NOTSET");
  const std::vector<int64_t> pads = node.integers("pads", {0, 0, 0, 0});
  if (named == "SAME_UPPER") out.same_upper = true;
  else if (named == "SAME_LOWER") out.same_lower = true;
  else if (named == "NOTSET") {
    if (pads.size() != 4) node.refuse("its padding has " + std::to_string(pads.size()) + " sides");
    constexpr int64_t kMost = 4096;
    for (const int64_t p : pads) within(p, 0, kMost, "padding");
    out.before = {pads[0], pads[1]};
    out.after = {pads[2], pads[3]};
  } else if (named != "VALID") node.refuse("its auto_pad is '" + named + "'");
  return out;
}

Window Window::padded_for(const Sides& map) const {
  Window out = *this;
  if (!same_upper && !same_lower) return out;
  for (size_t d = 0; d < size.size(); ++d) {
    const int64_t count = (map[d] + stride[d] - 1) / stride[d];
    const int64_t total = std::max<int64_t>(0, (count - 1) * stride[d] + (size[d] - 1) * dilation[d] + 1 - map[d]);
    out.before[d] = same_upper ? total / 2 : total - total / 2;
    out.after[d] = total - out.before[d];
  }
  out.same_upper = out.same_lower = false;
  return out;
}

Sides Window::places(const Sides& map) const {
  Sides out{};
  for (size_t d = 0; d < size.size(); ++d) {
    const int64_t reach = (size[d] - 1) * dilation[d] + 1, room = map[d] + before[d] + after[d] - reach;
    if (room < 0)
      throw Error(Fault::kBadFile,
                  "a map of " + std::to_string(map[d]) + " pixels under a window of " + std::to_string(reach));
    out[d] = (ceil ? (room + stride[d] - 1) / stride[d] : room / stride[d]) + 1;
    // The last one begins on the map or before it.
    if (ceil && (out[d] - 1) * stride[d] >= map[d] + before[d]) --out[d];
  }
  return out;
}

const Tensor& map_of(const Inputs& in) {
  if (in.floats(0).rank() != 4) throw Error(Fault::kBadFile, "pixels of " + in.floats(0).str() + ", which is no map");
  return in.floats(0);
}

Tensor framed(const Tensor& map, const Sides& before, const Sides& after, float value) {
  if (before == Sides{} && after == Sides{}) return map;
  const int64_t h = map.dim(1), w = map.dim(2);
  const Shape shape{map.dim(0), h + before[0] + after[0], w + before[1] + after[1], map.dim(3)};
  Tensor out(checked_size(shape), DType::kF32, map.device());
  const Tensor constant = Tensor::full({1, 1, 1, 1}, value).to(map.device());
  const auto fill = [&](int64_t y, int64_t x, int64_t rows, int64_t columns) {
    if (rows > 0 && columns > 0) ops::copy(constant, out.slice(1, y, rows).slice(2, x, columns));
  };
  fill(0, 0, before[0], shape[2]);
  fill(before[0] + h, 0, after[0], shape[2]);
  fill(before[0], 0, h, before[1]);
  fill(before[0], before[1] + w, h, after[1]);
  ops::copy(map, out.slice(1, before[0], h).slice(2, before[1], w));
  return out;
}

WindowPixels::WindowPixels(const Tensor& map, const Window& window, float value)
    : window_(window.padded_for({map.dim(1), map.dim(2)})) {
  const Sides size{map.dim(1), map.dim(2)};
  places_ = window_.places(size);
  Sides after{}, whole{};
  for (size_t d = 0; d < size.size(); ++d) {
    const int64_t s = window_.stride[d];
    const int64_t reached = (places_[d] - 1) * s + (window_.size[d] - 1) * window_.dilation[d] + 1;
    // Up to whole cells, of which each window's pixel finds as many as there are windows.
    whole[d] = round_up(std::max(reached, size[d] + window_.before[d]), s);
    after[d] = whole[d] - size[d] - window_.before[d];
  }
  const Tensor all = contiguous(framed(map, window_.before, after, value));
  cells_ = all.view({map.dim(0), whole[0] / window_.stride[0], window_.stride[0], whole[1] / window_.stride[1],
                     window_.stride[1], map.dim(3)});
}

Tensor WindowPixels::operator()(int64_t y, int64_t x) const {
  const int64_t down = y * window_.dilation[0], right = x * window_.dilation[1];
  const Tensor rows = cells_.slice(1, down / window_.stride[0], places_[0]).select(2, down % window_.stride[0]);
  return rows.slice(2, right / window_.stride[1], places_[1]).select(3, right % window_.stride[1]);
}

Tensor windows_of_each_channel(const Tensor& map, const Window& window, const Tensor& weights, const Tensor& bias) {
  const WindowPixels pixels(map, window, 0.0f);
  Tensor out(checked_size({map.dim(0), pixels.places()[0], pixels.places()[1], map.dim(3)}), DType::kF32, map.device());
  if (bias.defined()) ops::copy(bias, out);
  else ops::update(out, [](auto) { return 0.0f; });
  add_products(out, pixels, weights, window.size);
  return out;
}

Tensor apart(const Tensor& map, const Sides& by) {
  const int64_t n = map.dim(0), h = map.dim(1) / by[0], w = map.dim(2) / by[1], c = map.dim(3);
  return contiguous(contiguous(map).view({n, h, by[0], w, by[1], c}).permute({0, 2, 4, 1, 3, 5}))
      .view({n * by[0] * by[1], h, w, c});
}
Tensor rejoined(const Tensor& maps, int64_t n, const Sides& by) {
  const int64_t h = maps.dim(1), w = maps.dim(2), c = maps.dim(3);
  return contiguous(maps.view({n, by[0], by[1], h, w, c}).permute({0, 3, 1, 4, 2, 5}))
      .view({n, h * by[0], w * by[1], c});
}

}  // namespace easel::models::onnx
