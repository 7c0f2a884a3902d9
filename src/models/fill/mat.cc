// MAT: a transformer over a map of 64 x 64, which sees only what is known at first, fills the hole roughly; StyleGAN2's
// layers do it again at the whole size. Two patterns of dots, drawn by the seed, make it another one.
#include <algorithm>

#include "models/fill/mat_parts.h"
#include "models/fill/part.h"
#include "models/text/clip_encoder.h"
#include "models/weights/key_names.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "sampling/random/torch_random.h"

namespace easel::models::fill {
namespace {

constexpr int64_t kMiddle = 16;  // the side of the map that the dots are put on

int64_t log2_of(int64_t side) {
  int64_t out = 0;
  while ((int64_t{1} << out) < side) ++out;
  return out;
}

// Two layers of the decoder, and the picture that they have made so far.
struct Level {
  StyledConvolution first, second, colours;
  ScaledConvolution plain;  // the first layer of the smallest level

  Tensor run(const Tensor& x, const Tensor& beside, const Tensor& style, Tensor& picture) const {
    const Tensor in = plain.out_channels() > 0 ? plain(x) : first(x, style);
    const Tensor out = second(ops::add(in, beside), style);
    const Tensor seen = colours(out, style);
    picture = picture.defined() ? ops::add(seen, twice_as_large(picture)) : seen;
    return out;
  }
  size_t bytes() const { return first.bytes() + second.bytes() + colours.bytes() + plain.bytes(); }
};

class Mat : public HoleFiller::Part {
 public:
  explicit Mat(const nn::Weights& w) : device_(w.packer().device()) {
    const nn::Weights mapping = w["mapping"], synthesis = w["synthesis"];
    code_ = shape_of_rank(mapping["fc0"], "weight", 2)[1];
    int64_t width = code_;
    constexpr int kLayers = 8;
    constexpr double kRate = 0.01;
    for (int i = 0; i < kLayers; ++i) {
      const nn::Weights layer = mapping["fc" + std::to_string(i)];
      const int64_t out = shape_of_rank(layer, "weight", 2)[0];
      mapping_.push_back(scaled_linear(layer, width, out, After::kLeaky, kRate));
      width = out;
    }
    first_ = RoughFiller(synthesis["first_stage"], width);
    side_ = first_.side();
    const int64_t largest = log2_of(side_), smallest = log2_of(kMiddle);
    constexpr int64_t kSeen = 7;  // what is known, the rough picture, and the known part
    int64_t in = kSeen;
    for (int64_t i = largest; i >= smallest; --i) {
      const std::string side = std::to_string(int64_t{1} << i);
      const nn::Weights block = synthesis["enc"]["EncConv_Block_" + side + "x" + side];
      const int64_t out = layers::outputs_of(block["conv0"], 4);
      const bool outermost = i == largest;
      encoder_.emplace_back(block["conv0"], in, out, outermost ? 1 : 3, outermost ? Resizing::kNone : Resizing::kHalf);
      encoder_.emplace_back(block["conv1"], out, out, 3);
      in = out;
    }
    dots_ = scaled_linear(synthesis["to_square"], width, kMiddle * kMiddle, After::kLeaky);
    const nn::Weights to_style = synthesis["to_style"];
    for (int64_t i = 0; i < 3; ++i) narrow_.emplace_back(to_style["conv"][i], in, in, 3, Resizing::kHalf);
    const int64_t seen = shape_of_rank(to_style["fc"], "weight", 2)[0], style = width + seen;
    to_style_ = scaled_linear(to_style["fc"], in, seen, After::kLeaky);
    for (int64_t i = smallest; i <= largest; ++i) {
      const std::string side = std::to_string(int64_t{1} << i);
      const nn::Weights block = synthesis["dec"]["Dec_" + side + "x" + side];
      const int64_t out = shape_of_rank(block["conv1"]["conv"], "weight", 5)[1];
      Level level;
      if (i == smallest) level.plain = ScaledConvolution(block["conv0"], in, out, 3);
      else level.first = StyledConvolution(block["conv0"], in, out, style, 3, true);
      level.second = StyledConvolution(block["conv1"], out, out, style, 3, false);
      level.colours = StyledConvolution(block["toRGB"], out, 3, style, 1, false, true);
      decoder_.push_back(std::move(level));
      in = out;
    }
    w.require_all();
  }

  FillerKind kind() const override { return FillerKind::kMat; }
  int64_t side() const override { return side_; }
  Tensor forward(const Tensor& picture, const Tensor& mask, uint64_t seed) const override {
    const Tensor image = ops::affine(picture, 2.0f, -1.0f).to(device_),
                 known = ops::affine(mask, -1.0f, 1.0f).to(device_);
    // The original's numbers of the code are drawn once when the file is loaded, by no seed: here they are always the
    // same. What torch draws by the seed are the dots.
    constexpr uint64_t kOfTheCode = 0;
    const Tensor code = mapped(sampling::TorchGenerator(kOfTheCode).randn({1, code_}));
    sampling::TorchGenerator rng(seed);
    const Tensor dots_below = dots(rng, first_.width());
    const Tensor rough = first_(image, known, code, dots_below);
    const auto only = [](const Tensor& a, const Tensor& where) { return ops::mul(a, where); };
    const Tensor joined = ops::map([](auto p, auto r, auto k) { return p * k + r * (1.0f - k); }, image, rough, known);
    Tensor x = ops::concat({ops::affine(known, 1.0f, -0.5f), joined, only(image, known)}, -1);
    std::vector<Tensor> seen;
    for (size_t i = 0; i + 1 < encoder_.size(); i += 2) {
      x = encoder_[i + 1](encoder_[i](x));
      seen.push_back(x);
    }
    const Tensor square = leaky(dots_, code).view({1, kMiddle, kMiddle, 1});
    x = dotted(x, square, dots(rng, x.dim(3)));
    seen.back() = x;
    Tensor small = x;
    for (const ScaledConvolution& c : narrow_) small = c(small);
    const Tensor mean = ops::reduce(small, ops::Reduction::kMean, 1, 2).view({1, small.dim(3)});
    const Tensor style = ops::concat({code, leaky(to_style_, mean)}, -1);
    Tensor out;
    for (size_t i = 0; i < decoder_.size(); ++i) x = decoder_[i].run(x, seen[seen.size() - 1 - i], style, out);
    return ops::affine(out, 0.5f, 0.5f);
  }
  size_t memory_estimate() const override {
    constexpr int64_t kMaps = 6;  // at the whole size
    const int64_t last = std::max(first_.width(), encoder_[0].out_channels());
    return static_cast<size_t>(side_ * side_ * last * kMaps) * sizeof(float);
  }
  size_t bytes() const override {
    size_t total = first_.bytes() + dots_.bytes() + to_style_.bytes();
    for (const nn::Linear& l : mapping_) total += l.bytes();
    for (const auto* list : {&encoder_, &narrow_})
      for (const ScaledConvolution& c : *list) total += c.bytes();
    for (const Level& l : decoder_) total += l.bytes();
    return total;
  }

 private:
  // A code made of normal numbers, [1,width].
  Tensor mapped(const Tensor& numbers) const {
    const Tensor mean = ops::reduce(ops::mul(numbers, numbers), ops::Reduction::kMean, -1, -1);
    Tensor x = ops::map([](auto v, auto m) { return v / ops::sqrt(m + 1e-8f); }, numbers, mean).to(device_);
    for (const nn::Linear& layer : mapping_) x = leaky(layer, x);
    return x;
  }
  // 0 or 1 for each value of the middle map, drawn in torch's order; [1,16,16,channels].
  Tensor dots(sampling::TorchGenerator& rng, int64_t channels) const {
    std::vector<float> drawn(static_cast<size_t>(channels * kMiddle * kMiddle));
    rng.rand(drawn);
    for (float& v : drawn) v = v < 0.5f ? 1.0f : 0.0f;
    return sampling::from_torch_order(drawn, {1, kMiddle, kMiddle, channels}).to(device_);
  }

  Device device_;
  int64_t code_ = 0, side_ = 0;
  std::vector<nn::Linear> mapping_;
  RoughFiller first_;
  std::vector<ScaledConvolution> encoder_, narrow_;
  nn::Linear dots_, to_style_;
  std::vector<Level> decoder_;
};

}  // namespace

PartPtr mat(const nn::Weights& w) { return std::make_unique<const Mat>(w); }

}  // namespace easel::models::fill
