// PiDiNet: windows that see the differences between pixels, which are windows over pixels with other weights.
#include <array>

#include "image/scale/resize.h"
#include "models/hints/lines/part.h"
#include "models/layers/convolutions.h"
#include "models/text/clip_encoder.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"

namespace easel::models::lines {
namespace {

using layers::ChannelConvolution, layers::Convolution, layers::relu;

constexpr int64_t kColours = 3, kWindow = 3, kWide = 5, kPixels = kWindow * kWindow;

// From a middle to its neighbours, from neighbour to neighbour round the middle, from the inner to the outer ring, and
// none.
enum class Difference { kCentral, kAngular, kRadial, kNone };

// The weights of a window over pixels, from [out,in,3,3]: 3x3, radial ones 5x5.
Tensor over_pixels(const Tensor& weight, Difference kind) {
  const int64_t n = weight.dim(0) * weight.dim(1);
  const Tensor from = weight.view({n, kPixels});
  const auto at = [](const Tensor& t, int64_t i) { return t.slice(1, i, 1); };
  if (kind == Difference::kCentral) {
    constexpr int64_t kMiddle = 4;
    const Tensor out = clone(from);
    ops::update(
        at(out, kMiddle), [](auto v, auto sum) { return v - sum; }, ops::reduce(from, ops::Reduction::kSum, 1, 1));
    return out.view(weight.shape());
  }
  if (kind == Difference::kAngular) {
    constexpr std::array<int64_t, kPixels> kBefore{3, 0, 1, 6, 4, 2, 7, 8, 5};
    Tensor out(from.shape());
    for (int64_t i = 0; i < kPixels; ++i)
      ops::update(
          at(out, i), [](auto, auto v, auto other) { return v - other; }, at(from, i),
          at(from, kBefore[static_cast<size_t>(i)]));
    return out.view(weight.shape());
  }
  constexpr std::array<int64_t, kPixels - 1> kOuter{0, 2, 4, 10, 14, 20, 22, 24}, kInner{6, 7, 8, 11, 13, 16, 17, 18};
  const Tensor out = Tensor::zeros({n, kWide * kWide});
  for (size_t i = 0; i < kOuter.size(); ++i) {
    const Tensor value = at(from, static_cast<int64_t>(i) + 1);
    ops::copy(value, at(out, kOuter[i]));
    ops::update(
        at(out, kInner[i]), [](auto, auto v) { return -v; }, value);
  }
  return out.view({weight.dim(0), weight.dim(1), kWide, kWide});
}

// The converted weights of a layer, undefined if it is missing or only probed.
StoredTensor converted(const nn::Weights& w, const Shape& shape, Difference kind) {
  expect_shape(w, "weight", shape);
  const StoredTensor weight = w.get("weight");
  if (w.probing() || !weight.defined()) return {};
  if (kind == Difference::kNone) return weight;
  const int64_t window = kind == Difference::kRadial ? kWide : kWindow;
  if (w.packer().measures()) return Tensor(Shape{shape[0], shape[1], window, window});
  return over_pixels(contiguous(weight.decoded()), kind);
}

struct Block {
  ChannelConvolution each;
  Convolution mix, shortcut;
  bool halves = false;

  Block(const nn::Weights& w, int64_t in, int64_t out, Difference kind, bool first) : halves(first) {
    const StoredTensor weight = converted(w["conv1"], {in, 1, kWindow, kWindow}, kind);
    const layers::Window window{.size = kind == Difference::kRadial ? kWide : kWindow, .bias = false};
    if (weight.defined()) each = ChannelConvolution(weight, {}, window, w.packer());
    mix = Convolution(w["conv2"], in, out, {.size = 1, .bias = false});
    if (halves) shortcut = Convolution(w["shortcut"], in, out, {.size = 1});
  }
  Tensor operator()(const Tensor& x) const {
    const Tensor in = halves ? layers::max_of_windows(x, 2, 2, 0) : x;
    return mix(relu(each(in)), {.residual = halves ? shortcut(in) : in});
  }
  size_t bytes() const { return each.bytes() + mix.bytes() + shortcut.bytes(); }
};

// What one of the four levels says of edges.
struct Side {
  Convolution narrow, gate, gate_sum, edges;
  std::array<Convolution, 4> far;

  Side(const nn::Weights& w, int64_t level, int64_t in) {
    const nn::Weights dilation = w["dilations"][level], attention = w["attentions"][level];
    const int64_t width = shape_of_rank(dilation["conv1"], "weight", 4)[0],
                  middle = shape_of_rank(attention["conv1"], "weight", 4)[0];
    constexpr std::array<int64_t, 4> kGaps{5, 7, 9, 11};
    narrow = Convolution(dilation["conv1"], in, width, {.size = 1});
    for (size_t i = 0; i < far.size(); ++i)
      far[i] = Convolution(dilation["conv2_" + std::to_string(i + 1)], width, width, {.gap = kGaps[i], .bias = false});
    gate = Convolution(attention["conv1"], width, middle, {.size = 1});
    gate_sum = Convolution(attention["conv2"], middle, 1, {.bias = false});
    edges = Convolution(w["conv_reduces"][level]["conv"], width, 1, {.size = 1});
  }
  Tensor operator()(const Tensor& x) const {
    const Tensor in = narrow(relu(x));
    const Tensor sum = ops::map([](auto a, auto b, auto c, auto d) { return a + b + c + d; }, far[0](in), far[1](in),
                                far[2](in), far[3](in));
    return edges(ops::mul(sum, layers::sigmoid(gate_sum(gate(relu(sum))))));
  }
  size_t bytes() const {
    size_t total = narrow.bytes() + gate.bytes() + gate_sum.bytes() + edges.bytes();
    for (const Convolution& c : far) total += c.bytes();
    return total;
  }
};

class Differences : public LineNetwork::Part {
 public:
  explicit Differences(const nn::Weights& w) : device_(w.packer().device()) {
    width_ = shape_of_rank(w, "init_block.weight", 4)[0];
    const StoredTensor weight = converted(w["init_block"], {width_, kColours, kWindow, kWindow}, Difference::kCentral);
    if (weight.defined()) first_ = Convolution(weight, {}, {.bias = false}, w.packer());
    // Every layer of the published network sees another difference than the one before it.
    constexpr std::array kKinds{Difference::kCentral, Difference::kAngular, Difference::kRadial, Difference::kNone};
    int64_t in = width_;
    size_t layer = 1;
    for (size_t level = 0; level < kLevels; ++level) {
      const int64_t out = level == 1 || level == 2 ? 2 * in : in;
      for (int n = 1; n <= (level == 0 ? 3 : 4); ++n) {
        const nn::Weights block = w["block" + std::to_string(level + 1) + "_" + std::to_string(n)];
        blocks_[level].emplace_back(block, in, out, kKinds[layer++ % kKinds.size()], level > 0 && n == 1);
        in = out;
      }
      sides_.emplace_back(w, static_cast<int64_t>(level), in);
    }
    last_ = Convolution(w["classifier"], static_cast<int64_t>(kLevels), 1, {.size = 1});
    w.require_all();
  }

  LineKind kind() const override { return LineKind::kDifferences; }
  int64_t multiple() const override { return int64_t{1} << (kLevels - 1); }
  Tensor forward(const Tensor& pixels) const override {
    const image::Size size = image::size_of(pixels);
    Tensor x = first_(pixels.to(device_));
    std::vector<Tensor> said;
    for (size_t level = 0; level < kLevels; ++level) {
      for (const Block& block : blocks_[level]) x = block(x);
      said.push_back(image::resize(sides_[level](x).to(kHost), size, image::ResizeMethod::kBilinear));
    }
    return last_(ops::concat(said, -1).to(device_));
  }
  size_t bytes_of_pixel() const override { return static_cast<size_t>(width_) * 6 * sizeof(float); }
  size_t bytes() const override {
    size_t total = first_.bytes() + last_.bytes();
    for (const auto& level : blocks_)
      for (const Block& block : level) total += block.bytes();
    for (const Side& side : sides_) total += side.bytes();
    return total;
  }

 private:
  static constexpr size_t kLevels = 4;
  Device device_;
  int64_t width_ = 0;
  Convolution first_, last_;
  std::array<std::vector<Block>, kLevels> blocks_;
  std::vector<Side> sides_;
};

}  // namespace

PartPtr differences(const nn::Weights& w) { return std::make_unique<const Differences>(w); }

}  // namespace easel::models::lines
