// TEED: 58 thousand weights; three maps, each enlarged to the picture's size, and what joins them.
#include <algorithm>
#include <array>

#include "models/hints/lines/part.h"
#include "models/layers/convolutions.h"
#include "models/text/clip_encoder.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"

namespace easel::models::lines {
namespace {

using layers::ChannelConvolution, layers::Convolution, layers::TurnedConvolution;

constexpr int64_t kColours = 3, kMaps = 3;

// x tanh(log(1 + sigmoid(x))) (Wang et al. 2022), by tanh(log(u)) = (u^2 - 1) / (u^2 + 1).
Tensor smish(const Tensor& x) {
  return ops::map(
      [](auto v) {
        const auto u = 1.0f + 1.0f / (1.0f + ops::exp(-v)), square = u * u;
        return v * (square - 1.0f) / (square + 1.0f);
      },
      x);
}

// Brings a map to twice, or four times, its size and one channel.
struct Enlarger {
  std::vector<Convolution> narrow;
  std::vector<TurnedConvolution> twice;

  Enlarger(const nn::Weights& w, int64_t in, int64_t doublings) {
    const nn::Weights features = w["features"];
    for (int64_t i = 0; i < doublings; ++i) {
      const int64_t out = i + 1 == doublings ? 1 : shape_of_rank(features[3 * i], "weight", 4)[0];
      narrow.emplace_back(features[3 * i], in, out, layers::Window{.size = 1});
      twice.emplace_back(features[3 * i + 2], out, out, int64_t{1} << doublings, doublings - 1);
      in = out;
    }
  }
  Tensor operator()(Tensor x) const {
    for (size_t i = 0; i < narrow.size(); ++i) x = twice[i](smish(narrow[i](x)));
    return x;
  }
  size_t bytes() const {
    size_t total = 0;
    for (size_t i = 0; i < narrow.size(); ++i) total += narrow[i].bytes() + twice[i].bytes();
    return total;
  }
};

class Tiny : public LineNetwork::Part {
 public:
  explicit Tiny(const nn::Weights& w) : device_(w.packer().device()) {
    const auto width_of = [&](const char* name) { return shape_of_rank(w[name], "weight", 4)[0]; };
    const int64_t a = width_of("block_1.conv2"), b = width_of("block_2.conv2"), c = width_of("pre_dense_3.conv"),
                  first = width_of("block_1.conv1"), second = width_of("block_2.conv1");
    width_ = std::max({a, b, first, second});
    block1_[0] = Convolution(w["block_1"]["conv1"], kColours, first, {.stride = 2});
    block1_[1] = Convolution(w["block_1"]["conv2"], first, a);
    block2_[0] = Convolution(w["block_2"]["conv1"], a, second);
    block2_[1] = Convolution(w["block_2"]["conv2"], second, b);
    beside_ = Convolution(w["side_1"]["conv"], a, b, {.size = 1, .stride = 2});
    before_ = Convolution(w["pre_dense_3"]["conv"], b, c, {.size = 1});
    const nn::Weights dense = w["dblock_3"]["denselayer1"];
    block3_[0] = Convolution(dense["conv1"], b, c, {.before = 2, .after = 2});
    block3_[1] = Convolution(dense["conv2"], c, c, {.before = 0, .after = 0});
    ups_.emplace_back(w["up_block_1"], a, 1);
    ups_.emplace_back(w["up_block_2"], b, 1);
    ups_.emplace_back(w["up_block_3"], c, 2);
    // Each map becomes as many channels, by windows over it alone.
    const nn::Weights join = w["block_cat"]["DWconv1"];
    const int64_t joined = shape_of_rank(join, "weight", 4)[0];
    if (joined % kMaps != 0)
      throw Error(Fault::kBadFile,
                  "tensor '" + join.full("weight") + "' has " + std::to_string(joined) + " windows for three maps")
          .in_file(w.file());
    expect_shape(join, "weight", {joined, 1, 3, 3});
    expect_shape(join, "bias", {joined});
    const StoredTensor weight = join.get("weight"), bias = join.get("bias");
    if (!w.probing() && weight.defined() && bias.defined()) {
      Tensor spread({joined, kMaps, 3, 3});
      if (!w.packer().measures()) {
        ops::update(spread, [](auto) { return 0.0f; });
        const Tensor values = weight.decoded();
        const int64_t each = joined / kMaps;
        for (int64_t m = 0; m < kMaps; ++m)
          ops::copy(values.slice(0, m * each, each), spread.slice(0, m * each, each).slice(1, m, 1));
      }
      join_ = Convolution(spread, bias, {}, w.packer());
    }
    join_each_ = ChannelConvolution(w["block_cat"]["DWconv2"], joined);
    w.require_all();
  }

  LineKind kind() const override { return LineKind::kTiny; }
  int64_t multiple() const override { return 8; }
  Tensor forward(const Tensor& pixels) const override {
    const Tensor first = smish(block1_[1](smish(block1_[0](pixels.to(device_)))));
    const Tensor second = block2_[1](smish(block2_[0](first)));
    const Tensor down = layers::max_of_windows(second, 3, 2, 1);
    const Tensor both = ops::add(down, beside_(first));
    const Tensor third = ops::map([](auto a, auto b) { return 0.5f * (a + b); },
                                  block3_[1](smish(block3_[0](smish(both)))), before_(down));
    const Tensor maps = ops::concat({ups_[0](first), ups_[1](second), ups_[2](third)}, -1);
    const Tensor joined = join_(smish(maps));
    const Tensor last = smish(ops::reduce(ops::add(join_each_(smish(joined)), joined), ops::Reduction::kSum, -1, -1));
    return ops::reduce(ops::concat({maps, last}, -1), ops::Reduction::kMean, -1, -1).to(kHost);
  }
  size_t bytes_of_pixel() const override {
    constexpr int64_t kJoined = 24 * 5;
    return static_cast<size_t>(width_ + kJoined) * sizeof(float);
  }
  size_t bytes() const override {
    size_t total = beside_.bytes() + before_.bytes() + join_.bytes() + join_each_.bytes();
    for (const auto* block : {&block1_, &block2_, &block3_}) total += (*block)[0].bytes() + (*block)[1].bytes();
    for (const Enlarger& up : ups_) total += up.bytes();
    return total;
  }

 private:
  Device device_;
  int64_t width_ = 0;
  std::array<Convolution, 2> block1_, block2_, block3_;
  Convolution join_;
  Convolution beside_, before_;
  ChannelConvolution join_each_;
  std::vector<Enlarger> ups_;
};

}  // namespace

PartPtr tiny(const nn::Weights& w) { return std::make_unique<const Tiny>(w); }

}  // namespace easel::models::lines
