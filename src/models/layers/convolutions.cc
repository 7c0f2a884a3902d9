#include "models/layers/convolutions.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/round.h"
#include "image/scale/mirrored.h"
#include "models/text/clip_encoder.h"
#include "models/weights/key_names.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/arithmetic/resample.h"

namespace easel::models::layers {
namespace {

Window filled(Window window) {
  const int64_t around = window.gap * (window.size / 2);
  if (window.before < 0) window.before = around;
  if (window.after < 0) window.after = around;
  return window;
}

onnx::Window as_onnx(const Window& w) {
  onnx::Window out;
  out.size = {w.size, w.size};
  out.stride = {w.stride, w.stride};
  out.dilation = {w.gap, w.gap};
  out.before = {w.before, w.before};
  out.after = {w.after, w.after};
  return out;
}

// Weight and bias of a layer and the norm behind it, as those of one layer. Undefined where the layer's are.
struct Parameters {
  StoredTensor weight, bias;
};

Parameters folded(const nn::Weights& w, const Shape& shape, bool has_bias, const std::optional<BatchNorm>& norm,
                  int out_dimension = 0) {
  const int64_t out = shape[out_dimension];
  expect_shape(w, "weight", shape);
  if (has_bias) expect_shape(w, "bias", {out});
  Parameters p{w.get("weight"), has_bias ? w.get("bias") : StoredTensor()};
  const bool complete = p.weight.defined() && (!has_bias || p.bias.defined());
  if (w.probing() || !complete) return {};
  if (!norm) return p;
  if (!norm->scale.defined()) return {};
  if (w.packer().measures()) return {p.weight, norm->shift};
  Shape each{1, 1, 1, 1};
  each[out_dimension] = out;
  const Tensor weight = ops::mul(p.weight.decoded(), norm->scale.view(each));
  const Tensor bias = has_bias ? ops::add(ops::mul(p.bias.decoded(), norm->scale), norm->shift) : norm->shift;
  p.weight.drop_pages();
  return {weight, bias};
}

}  // namespace

int64_t outputs_of(const nn::Weights& w, int rank) { return shape_of_rank(w, "weight", rank)[0]; }

Tensor of_length_one(const Tensor& x, int first, int last) {
  const Tensor squares = ops::reduce(ops::mul(x, x), ops::Reduction::kSum, first, last);
  return ops::map([](auto v, auto s) { return v / ops::max(ops::sqrt(s), 1e-12f); }, x, squares);
}

BatchNorm::BatchNorm(const nn::Weights& w, int64_t channels, float eps) {
  const Tensor weight = checked_parameter(w, "weight", {channels}), bias = checked_parameter(w, "bias", {channels}),
               mean = checked_parameter(w, "running_mean", {channels}),
               variance = checked_parameter(w, "running_var", {channels});
  if (!weight.defined() || !bias.defined() || !mean.defined() || !variance.defined()) return;
  scale = ops::map([eps](auto g, auto v) { return g / ops::sqrt(v + eps); }, weight.to(kHost), variance.to(kHost));
  shift = ops::map([](auto b, auto m, auto s) { return b - m * s; }, bias.to(kHost), mean.to(kHost), scale);
}

Convolution::Convolution(const nn::Weights& w, int64_t in, int64_t out, const Window& window,
                         const std::optional<BatchNorm>& norm)
    : window_(filled(window)) {
  const Parameters p = folded(w, {out, in, window.size, window.size}, window.bias, norm);
  if (p.weight.defined()) pack(p.weight, p.bias, w.packer());
}

Convolution::Convolution(const StoredTensor& weight, const StoredTensor& bias, const Window& window,
                         const ops::Packer& packer)
    : window_(filled(window)) {
  pack(weight, bias, packer);
}

void Convolution::pack(const StoredTensor& weight, const StoredTensor& bias, const ops::Packer& packer) {
  ops::ConvShape shape{.stride = window_.stride};
  if (window_.gap == 1 && window_.border == Border::kBlack) {
    shape.pad = window_.before;
    shape.pad_after = window_.after;
  }
  packed_ = ops::pack_conv2d(weight, bias, shape, DType::kF32, packer);
}

Tensor Convolution::operator()(const Tensor& x, const ops::ConvArgs& args) const {
  if (window_.border == Border::kMirrored)
    return ops::conv2d(mirrored_border(x, window_.before, window_.after), *packed_, args);
  if (window_.gap == 1) return ops::conv2d(x, *packed_, args);
  // Pixels that lie a gap apart are maps of their own, over which the window has none.
  const auto whole = [&](int64_t side) { return round_up(side + window_.before + window_.after, window_.gap); };
  const int64_t h = x.dim(1), w = x.dim(2);
  const onnx::Sides gap{window_.gap, window_.gap}, before{window_.before, window_.before};
  const onnx::Sides after{whole(h) - h - window_.before, whole(w) - w - window_.before};
  const Tensor apart = onnx::apart(onnx::framed(x, before, after, 0.0f), gap);
  const Tensor out = onnx::rejoined(ops::conv2d(apart, *packed_, args), x.dim(0), gap);
  const int64_t less = window_.gap * (window_.size - 1) - window_.before - window_.after;
  return contiguous(out.slice(1, 0, h - less).slice(2, 0, w - less));
}

ChannelConvolution::ChannelConvolution(const nn::Weights& w, int64_t channels, const Window& window,
                                       const std::optional<BatchNorm>& norm)
    : window_(filled(window)) {
  const Parameters p = folded(w, {channels, 1, window.size, window.size}, window.bias, norm);
  if (p.weight.defined()) take(p.weight, p.bias, w.packer());
}

ChannelConvolution::ChannelConvolution(const StoredTensor& weight, const StoredTensor& bias, const Window& window,
                                       const ops::Packer& packer)
    : window_(filled(window)) {
  take(weight, bias, packer);
}

void ChannelConvolution::take(const StoredTensor& weight, const StoredTensor& bias, const ops::Packer& packer) {
  const int64_t channels = weight.dim(0), pixels = window_.size * window_.size;
  bytes_ = static_cast<size_t>(weight.numel() + (bias.defined() ? channels : 0)) * sizeof(float);
  if (packer.measures()) return;
  weights_ = contiguous(weight.decoded().view({channels, pixels}).permute({1, 0}))
                 .view({pixels, 1, 1, channels})
                 .to(packer.device());
  if (bias.defined()) bias_ = clone(bias.decoded()).view({1, 1, 1, channels}).to(packer.device());
}

Tensor ChannelConvolution::operator()(const Tensor& x) const {
  return onnx::windows_of_each_channel(x, as_onnx(window_), weights_, bias_);
}

TurnedConvolution::TurnedConvolution(const nn::Weights& w, int64_t in, int64_t out, int64_t size, int64_t pad,
                                     bool bias, const std::optional<BatchNorm>& norm) {
  const Parameters p = folded(w, {in, out, size, size}, bias, norm, 1);
  if (p.weight.defined()) take(p.weight, p.bias, pad, 0, w.packer());
}

TurnedConvolution::TurnedConvolution(const StoredTensor& weight, const StoredTensor& bias, int64_t pad, int64_t more,
                                     const ops::Packer& packer) {
  take(weight, bias, pad, more, packer);
}

void TurnedConvolution::take(const StoredTensor& weight, const StoredTensor& bias, int64_t pad, int64_t more,
                             const ops::Packer& packer) {
  const int64_t in = weight.dim(0), out = weight.dim(1), size = weight.dim(2);
  // The pixel 2 i + phase sees the weight k of the pixel i + (phase + pad - k) / 2, where that is whole. All phases are
  // channels of one convolution over the small map, and become pixels.
  constexpr int64_t kPhases = 2;
  const auto seen = [&](int64_t phase, int64_t k) { return (phase + pad - k) / kPhases; };
  int64_t first = 0, last = 0;
  for (int64_t phase = 0; phase < kPhases; ++phase)
    for (int64_t k = (phase + pad) % kPhases; k < size; k += kPhases) {
      first = std::min(first, seen(phase, k));
      last = std::max(last, seen(phase, k));
    }
  const int64_t window = last - first + 1;
  Tensor spread(Shape{kPhases * kPhases * out, in, window, window}), offsets;
  if (!packer.measures()) {
    ops::update(spread, [](auto) { return 0.0f; });
    const Tensor from = weight.decoded().permute({1, 0, 2, 3}),
                 to = spread.view({out, kPhases, kPhases, in, window, window});
    for (int64_t y = 0; y < kPhases; ++y)
      for (int64_t x = 0; x < kPhases; ++x)
        for (int64_t i = (y + pad) % kPhases; i < size; i += kPhases)
          for (int64_t j = (x + pad) % kPhases; j < size; j += kPhases)
            ops::copy(from.select(2, i).select(2, j),
                      to.select(1, y).select(1, x).select(2, seen(y, i) - first).select(2, seen(x, j) - first));
    weight.drop_pages();
  }
  if (bias.defined()) {
    const Tensor values = packer.measures() ? Tensor::zeros({out}) : bias.decoded();
    offsets = contiguous(values.view({out, 1}).expand({out, kPhases * kPhases})).view({kPhases * kPhases * out});
  }
  phases_ = Convolution(spread, offsets, {.size = window, .before = -first, .after = last + more}, packer);
}

Tensor TurnedConvolution::operator()(const Tensor& x) const { return ops::pixel_shuffle(phases_(x), 2); }

InstanceNorm::InstanceNorm(int64_t channels, Device device)
    : ones_(Tensor::full({channels}, 1.0f).to(device)), zeros_(Tensor::zeros({channels}).to(device)) {}

Tensor InstanceNorm::operator()(const Tensor& x) const {
  constexpr float kEps = 1e-5f;
  return ops::group_norm(x, ones_, zeros_, ones_.numel(), kEps);
}

Tensor max_of_windows(const Tensor& x, int64_t size, int64_t stride, int64_t pad) {
  onnx::Window window = as_onnx({.size = size, .stride = stride, .before = pad, .after = pad});
  const onnx::WindowPixels pixels(x, window, -std::numeric_limits<float>::infinity());
  Tensor out = contiguous(pixels(0, 0));
  for (int64_t k = 1; k < size * size; ++k)
    ops::update(
        out, [](auto most, auto v) { return ops::max(most, v); }, pixels(k / size, k % size));
  return out;
}

Tensor relu(const Tensor& x) { return ops::activate(x, ops::Activation::kRelu); }

Tensor leaky(const Tensor& x, float slope) {
  return ops::map([slope](auto v) { return ops::select(v < 0.0f, v * slope, v); }, x);
}

Tensor sigmoid(const Tensor& x) {
  return ops::map([](auto v) { return 1.0f / (1.0f + ops::exp(-v)); }, x);
}

Tensor tanh(const Tensor& x) {
  return ops::map([](auto v) { return 1.0f - 2.0f / (ops::exp(2.0f * v) + 1.0f); }, x);
}

Tensor mirrored_border(const Tensor& x, int64_t before, int64_t after) {
  const auto taps = [&](int64_t side) {
    ops::Taps out;
    for (int64_t i = -before; i < side + after; ++i) out.index.push_back(image::mirrored(i, side));
    return out;
  };
  return ops::resample(x, taps(x.dim(1)), taps(x.dim(2)));
}

}  // namespace easel::models::layers
