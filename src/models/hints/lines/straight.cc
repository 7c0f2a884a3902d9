// M-LSD: MobileNetV2 (Sandler et al. 2018), whose levels are joined from the coarsest to that of half the size.
#include <array>

#include "models/hints/dpt.h"
#include "models/hints/lines/part.h"
#include "models/layers/convolutions.h"
#include "models/text/clip_encoder.h"
#include "ops/arithmetic/formula.h"

namespace easel::models::lines {
namespace {

using layers::BatchNorm, layers::ChannelConvolution, layers::Convolution, layers::relu, layers::Window;

constexpr int64_t kChannels = 4, kUnused = 7;  // of the 16 that come out, those before the middle's

Tensor relu6(const Tensor& x) {
  return ops::map([](auto v) { return ops::clamp(v, 0.0f, 6.0f); }, x);
}

// A step of 2 begins at the first pixel and has one more behind the last.
Window stepping(int64_t size, int64_t stride) {
  Window out{.size = size, .stride = stride, .bias = false};
  if (stride == 2) {
    out.before = 0;
    out.after = 1;
  }
  return out;
}

Convolution with_norm(const nn::Weights& layer, const nn::Weights& norm, int64_t in, int64_t out,
                      const Window& window) {
  return Convolution(layer, in, out, window, BatchNorm(norm, out));
}

// A MobileNet's block: widened, each channel by itself, narrowed.
struct Inverted {
  Convolution widen, narrow;
  ChannelConvolution each;
  bool widens = false, adds = false;

  Inverted(const nn::Weights& w, int64_t in, int64_t out, int64_t stride, bool first)
      : widens(!first), adds(stride == 1 && in == out) {
    const nn::Weights layers = w["conv"];
    int64_t at = 0, hidden = in;
    if (widens) {
      hidden = shape_of_rank(layers[0][0], "weight", 4)[0];
      widen = with_norm(layers[0][0], layers[0][1], in, hidden, {.size = 1, .bias = false});
      at = 1;
    }
    each = ChannelConvolution(layers[at][0], hidden, stepping(3, stride), BatchNorm(layers[at][1], hidden));
    narrow = with_norm(layers[at + 1], layers[at + 2], hidden, out, {.size = 1, .bias = false});
  }
  Tensor operator()(const Tensor& x) const {
    const Tensor wide = widens ? relu6(widen(x)) : x;
    return narrow(relu6(each(wide)), {.residual = adds ? x : Tensor()});
  }
  size_t bytes() const { return widen.bytes() + each.bytes() + narrow.bytes(); }
};

// A level and the joined ones below it.
struct Join {
  Convolution fine, coarse, first, second;
  bool enlarges;

  Join(const nn::Weights& w, int block, int64_t fine_in, int64_t coarse_in) : enlarges(block > kFirstBlock) {
    const nn::Weights a = w["block" + std::to_string(block)], b = w["block" + std::to_string(block + 1)];
    const int64_t coarse_out = shape_of_rank(a["conv1"][0], "weight", 4)[0],
                  fine_out = shape_of_rank(a["conv2"][0], "weight", 4)[0], both = fine_out + coarse_out;
    coarse = with_norm(a["conv1"][0], a["conv1"][1], coarse_in, coarse_out, {.size = 1});
    fine = with_norm(a["conv2"][0], a["conv2"][1], fine_in, fine_out, {.size = 1});
    first = with_norm(b["conv1"][0], b["conv1"][1], both, both, {});
    second = with_norm(b["conv2"][0], b["conv2"][1], both, shape_of_rank(b["conv2"][0], "weight", 4)[0], {});
  }
  Tensor operator()(const Tensor& level, const Tensor& below) const {
    const Tensor rough = relu(coarse(below)), sharp = relu(fine(level));
    const Tensor x =
        ops::concat({sharp, enlarges ? dpt::between_corners(rough, 2 * rough.dim(1), 2 * rough.dim(2)) : rough}, -1);
    return relu(second(first(x, {.residual = x, .activation = ops::Activation::kRelu})));
  }
  size_t bytes() const { return fine.bytes() + coarse.bytes() + first.bytes() + second.bytes(); }
  static constexpr int kFirstBlock = 15;
};

class Straight : public LineNetwork::Part {
 public:
  explicit Straight(const nn::Weights& w) : device_(w.packer().device()) {
    const nn::Weights features = w["backbone"]["features"];
    int64_t width = shape_of_rank(features[0][0], "weight", 4)[0];
    first_ = with_norm(features[0][0], features[0][1], kChannels, width, stepping(3, 2));
    constexpr std::array<int64_t, kBlocks> kStrides{1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1};
    std::vector<int64_t> widths;
    for (size_t i = 0; i < kBlocks; ++i) {
      const nn::Weights block = features[static_cast<int64_t>(i) + 1];
      const int64_t out = shape_of_rank(block["conv"][i == 0 ? 1 : 2], "weight", 4)[0];
      blocks_.emplace_back(block, width, out, kStrides[i], i == 0);
      width = out;
      if (is_level(i)) widths.push_back(width);
    }
    for (int block = Join::kFirstBlock; block <= kLastJoin; block += 2) {
      widths.pop_back();
      joins_.emplace_back(w, block, widths.back(), width);
      width = shape_of_rank(w["block" + std::to_string(block + 1)]["conv2"][0], "weight", 4)[0];
    }
    const nn::Weights last = w["block23"];
    constexpr int64_t kFar = 5;
    far_ = with_norm(last["conv1"][0], last["conv1"][1], width, width, {.gap = kFar});
    near_ = with_norm(last["conv2"][0], last["conv2"][1], width, width, {});
    last_ = Convolution(last["conv3"], width, kOut, {.size = 1});
    w.require_all();
  }

  LineKind kind() const override { return LineKind::kStraight; }
  int64_t multiple() const override { return 16; }
  int64_t channels() const override { return kChannels; }
  Tensor forward(const Tensor& pixels) const override {
    Tensor x = relu6(first_(pixels.to(device_)));
    std::vector<Tensor> levels;
    for (size_t i = 0; i < kBlocks; ++i) {
      x = blocks_[i](x);
      if (is_level(i)) levels.push_back(x);
    }
    for (const Join& join : joins_) {
      levels.pop_back();
      x = join(levels.back(), x);
    }
    x = last_(relu(near_(relu(far_(x)))));
    return contiguous(x.slice(3, kUnused, kOut - kUnused)).to(kHost);
  }
  size_t bytes_of_pixel() const override {
    constexpr int64_t kWidest = 128, kMaps = 5, kPixels = 4;
    return static_cast<size_t>(kWidest * kMaps / kPixels) * sizeof(float);
  }
  size_t bytes() const override {
    size_t total = first_.bytes() + far_.bytes() + near_.bytes() + last_.bytes();
    for (const Inverted& b : blocks_) total += b.bytes();
    for (const Join& j : joins_) total += j.bytes();
    return total;
  }

 private:
  static constexpr size_t kBlocks = 13;
  static constexpr int kLastJoin = 21;
  static constexpr int64_t kOut = 16;
  // Blocks whose maps are joined later: the last of each size, and the last one of all.
  static bool is_level(size_t block) { return block == 0 || block == 2 || block == 5 || block == 9 || block == 12; }

  Device device_;
  Convolution first_, far_, near_, last_;
  std::vector<Inverted> blocks_;
  std::vector<Join> joins_;
};

}  // namespace

PartPtr straight(const nn::Weights& w) { return std::make_unique<const Straight>(w); }

}  // namespace easel::models::lines
