#include "models/fill/style_layers.h"

#include <array>
#include <cmath>
#include <numbers>

#include "models/text/clip_encoder.h"
#include "models/weights/key_names.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/arithmetic/resample.h"

namespace easel::models::fill {
namespace {

constexpr auto kGain = std::numbers::sqrt2;
constexpr float kSlope = 0.2f;
constexpr int64_t kWindow = 3;  // of partial(), and its pixels
constexpr float kPixels = 9;

StoredTensor times(const StoredTensor& tensor, double factor, const ops::Packer& packer) {
  if (packer.measures()) return tensor;
  const Tensor out = ops::affine(tensor.decoded(), static_cast<float>(factor));
  tensor.drop_pages();
  return out;
}

// 1 3 3 1 over a side of which what lies outside is 0; from `pad` pixels before it on.
ops::Taps smooth_taps(int64_t from, int64_t to, int64_t pad, float sum) {
  constexpr std::array<float, 4> kWeights{0.125f, 0.375f, 0.375f, 0.125f};
  ops::Taps taps;
  taps.count = static_cast<int64_t>(kWeights.size());
  for (int64_t i = 0; i < to; ++i)
    for (int64_t k = 0; k < taps.count; ++k) {
      const int64_t at = i + k - pad;
      const bool inside = at >= 0 && at < from;
      taps.index.push_back(inside ? at : 0);
      taps.weight.push_back(inside ? kWeights[static_cast<size_t>(k)] * sum : 0.0f);
    }
  return taps;
}

Tensor smoothed(const Tensor& x, int64_t height, int64_t width, int64_t pad, float sum) {
  return ops::resample(x, smooth_taps(x.dim(1), height, pad, sum), smooth_taps(x.dim(2), width, pad, sum));
}

// What becomes twice as large has two zeros between pixels, of which smoothing makes half of what was there, each way.
Tensor smoothed_twice(const Tensor& x, int64_t height, int64_t width) { return smoothed(x, height, width, 1, 2); }

// [out,in,k,k] as the weights of a convolution turned round, [in,out,k,k].
Tensor turned_round(const Tensor& weight, const ops::Packer& packer) {
  const int64_t out = weight.dim(0), in = weight.dim(1), size = weight.dim(2);
  Tensor turned({in, out, size, size});
  if (packer.measures()) return turned;
  const Tensor to = turned.permute({1, 0, 2, 3});
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < size; ++j)
      ops::copy(weight.select(2, size - 1 - i).select(2, size - 1 - j), to.select(2, i).select(2, j));
  return turned;
}

layers::TurnedConvolution doubling(const StoredTensor& weight, const ops::Packer& packer) {
  const Tensor values = packer.measures() ? Tensor(weight.shape()) : contiguous(weight.decoded());
  return {turned_round(values, packer), StoredTensor(), 0, 1, packer};
}

Tensor rectified(const Tensor& x, const Tensor& bias) {
  return ops::map(
      [](auto v, auto b) {
        const auto y = (v + b) * static_cast<float>(kGain);
        return ops::select(y < 0.0f, y * kSlope, y);
      },
      x, bias);
}

}  // namespace

nn::Linear scaled_linear(const nn::Weights& w, int64_t in, int64_t out, After after, double rate) {
  expect_shape(w, "weight", {out, in});
  expect_shape(w, "bias", {out});
  const StoredTensor weight = w.get("weight"), bias = w.get("bias");
  if (w.probing() || !weight.defined() || !bias.defined()) return {};
  if (after == After::kLeaky) rate *= kGain;
  return {times(weight, rate / std::sqrt(static_cast<double>(in)), w.packer()), times(bias, rate, w.packer()),
          DType::kF32, w.packer()};
}

Tensor leaky(const nn::Linear& layer, const Tensor& x) { return layer(x, {.activation = ops::Activation::kLeakyRelu}); }

ScaledConvolution::ScaledConvolution(const nn::Weights& w, int64_t in, int64_t out, int64_t size, Resizing resizing)
    : resizing_(resizing), out_(out) {
  expect_shape(w, "weight", {out, in, size, size});
  expect_shape(w, "bias", {out});
  const StoredTensor weight = w.get("weight"), bias = w.get("bias");
  if (w.probing() || !weight.defined() || !bias.defined()) return;
  const double scale = 1 / std::sqrt(static_cast<double>(in * size * size));
  if (resizing == Resizing::kTwice) {
    twice_ = doubling(times(weight, scale, w.packer()), w.packer());
    bias_bytes_ = static_cast<size_t>(out) * sizeof(float);
    if (!w.packer().measures()) bias_ = clone(bias.decoded()).view({1, 1, 1, out}).to(w.packer().device());
    return;
  }
  layers::Window window{.size = size};
  if (resizing == Resizing::kHalf) window = {.size = size, .stride = 2, .before = 0, .after = 0};
  plain_ =
      layers::Convolution(times(weight, kGain * scale, w.packer()), times(bias, kGain, w.packer()), window, w.packer());
}

Tensor ScaledConvolution::operator()(const Tensor& x) const {
  const int64_t h = x.dim(1), w = x.dim(2);
  if (resizing_ == Resizing::kTwice) return rectified(smoothed_twice(twice_(x), 2 * h, 2 * w), bias_);
  const Tensor in = resizing_ == Resizing::kHalf ? smoothed(x, h + 1, w + 1, 2, 1) : x;
  return plain_(in, {.activation = ops::Activation::kLeakyRelu});
}

std::pair<Tensor, Tensor> partial(const ScaledConvolution& layer, const Tensor& x, const Tensor& known,
                                  int64_t stride) {
  const Tensor out = layer(x);
  if (!known.defined()) return {out, known};
  const auto ones = [&](int64_t side) {
    ops::Taps taps;
    taps.count = kWindow;
    for (int64_t i = 0; i < side; i += stride)
      for (int64_t k = -1; k <= 1; ++k) {
        const bool inside = i + k >= 0 && i + k < side;
        taps.index.push_back(inside ? i + k : 0);
        taps.weight.push_back(inside ? 1.0f : 0.0f);
      }
    return taps;
  };
  const Tensor seen = ops::resample(known, ones(known.dim(1)), ones(known.dim(2)));
  const Tensor any = ops::map([](auto v) { return ops::clamp(v, 0.0f, 1.0f); }, seen);
  const Tensor share = ops::map([](auto v, auto a) { return kPixels / (v + 1e-8f) * a; }, seen, any);
  return {ops::mul(out, share), any};
}

StyledConvolution::StyledConvolution(const nn::Weights& w, int64_t in, int64_t out, int64_t style, int64_t size,
                                     bool twice, bool colours)
    : enlarges_(twice), colours_(colours) {
  const nn::Weights conv = w["conv"];
  affine_ = scaled_linear(conv["affine"], style, in, After::kNothing);
  expect_shape(conv, "weight", {1, out, in, size, size});
  const StoredTensor stored = conv.get("weight");
  bias_ = checked_parameter(w, "bias", {out});
  if (w.probing() || !stored.defined() || !bias_.defined()) return;
  bias_ = bias_.view({1, 1, 1, out});
  const ops::Packer& packer = w.packer();
  const Shape shape{out, in, size, size};
  const double scale = 1 / std::sqrt(static_cast<double>(in * size * size));
  const Tensor weight =
      packer.measures() ? Tensor(shape) : ops::affine(stored.decoded(), static_cast<float>(scale)).view(shape);
  stored.drop_pages();
  if (twice) twice_ = doubling(weight, packer);
  else plain_ = layers::Convolution(weight, StoredTensor(), {.size = size, .bias = false}, packer);
  if (colours) return;
  const Tensor squares =
      packer.measures() ? Tensor({out, in})
                        : ops::reduce(ops::mul(weight, weight).view({out, in, size * size}), ops::Reduction::kSum, 2, 2)
                              .view({out, in});
  squares_ = nn::Linear(squares, StoredTensor(), DType::kF32, packer);
}

Tensor StyledConvolution::operator()(const Tensor& x, const Tensor& style) const {
  const Tensor scale = affine_(style);
  const Tensor in = ops::mul(x, scale.view({1, 1, 1, scale.dim(1)}));
  const Tensor out = enlarges_ ? smoothed_twice(twice_(in), 2 * x.dim(1), 2 * x.dim(2)) : plain_(in);
  if (colours_) return ops::add(out, bias_);
  const Tensor variance = squares_(ops::mul(scale, scale));
  const Tensor level = ops::map([](auto v) { return 1.0f / ops::sqrt(v + 1e-8f); }, variance);
  return rectified(ops::mul(out, level.view({1, 1, 1, level.dim(1)})), bias_);
}

Tensor twice_as_large(const Tensor& picture) {
  const auto taps = [](int64_t side) {
    constexpr float kNear = 0.75f, kFar = 0.25f;
    ops::Taps out;
    out.count = 2;
    const auto add = [&](int64_t at, float weight) {
      const bool inside = at >= 0 && at < side;
      out.index.push_back(inside ? at : 0);
      out.weight.push_back(inside ? weight : 0.0f);
    };
    for (int64_t i = 0; i < side; ++i) {
      add(i - 1, kFar);
      add(i, kNear);
      add(i, kNear);
      add(i + 1, kFar);
    }
    return out;
  };
  return ops::resample(picture, taps(picture.dim(1)), taps(picture.dim(2)));
}

}  // namespace easel::models::fill
