#include "models/hints/dpt.h"

#include <algorithm>

#include "models/text/clip_encoder.h"
#include "models/weights/key_names.h"

namespace easel::models::dpt {

ops::Taps linear_taps(int64_t from, const std::vector<float>& places) {
  ops::Taps taps;
  taps.count = 2;
  for (const float at : places) {
    const auto floor = std::min(static_cast<int64_t>(at), from - 1);
    const float part = at - static_cast<float>(floor);
    taps.index.push_back(floor);
    taps.index.push_back(std::min(floor + 1, from - 1));
    taps.weight.push_back(1.0f - part);
    taps.weight.push_back(part);
  }
  return taps;
}

namespace {

// Places between corners that stay where they are.
ops::Taps corner_taps(int64_t from, int64_t to) {
  const float step = to > 1 ? static_cast<float>(from - 1) / static_cast<float>(to - 1) : 0.0f;
  std::vector<float> places;
  for (int64_t i = 0; i < to; ++i) places.push_back(step * static_cast<float>(i));
  return linear_taps(from, places);
}

}  // namespace

nn::LayerNorm norm(const nn::Weights& w, int64_t width) {
  constexpr float kNormEps = 1e-6f;
  expect_shape(w, "weight", {width});
  expect_shape(w, "bias", {width});
  return nn::LayerNorm(w, kNormEps);
}

nn::Conv2d conv(const nn::Weights& w, int64_t in, int64_t out, int64_t window, bool bias, int64_t stride) {
  expect_shape(w, "weight", {out, in, window, window});
  expect_shape(w, "bias", {out});
  return nn::Conv2d(bias ? with_bias(w) : w, {.stride = stride, .pad = window / 2}, DType::kF32);
}

nn::Linear linear(const nn::Weights& w, int64_t in, int64_t out) {
  expect_shape(w, "weight", {out, in});
  expect_shape(w, "bias", {out});
  return nn::Linear(with_bias(w), DType::kF32);
}

Enlargement::Enlargement(const nn::Weights& w, int64_t width, int64_t times) : times_(times) {
  expect_shape(w, "weight", {width, width, times, times});
  const StoredTensor weight = w.get("weight");
  bias_ = checked_parameter(w, "bias", {width});
  if (w.probing() || !weight.defined() || !bias_.defined()) return;
  bias_ = bias_.view({1, 1, 1, width});
  product_ = nn::Linear(weight.matrix().transposed(), StoredTensor(), DType::kF32, w.packer());
}
Tensor Enlargement::operator()(const Tensor& x) const {
  return ops::add(ops::pixel_shuffle(product_(x), times_), bias_);
}
size_t Enlargement::bytes() const { return product_.bytes() + (bias_.defined() ? bias_.nbytes() : 0); }

Residual::Residual(const nn::Weights& w, int64_t width)
    : first(conv(w["conv1"], width, width, 3)), second(conv(w["conv2"], width, width, 3)) {}
Tensor Residual::operator()(const Tensor& x) const {
  return second(first(ops::activate(x, ops::Activation::kRelu), {.activation = ops::Activation::kRelu}),
                {.residual = x});
}

Tensor between_corners(const Tensor& x, int64_t height, int64_t width) {
  return ops::resample(x, corner_taps(x.dim(1), height), corner_taps(x.dim(2), width));
}

Fusion::Fusion(const nn::Weights& w, int64_t width, bool joins)
    : beside(joins ? Residual(w["resConfUnit1"], width) : Residual()),
      together(w["resConfUnit2"], width),
      out(conv(w["out_conv"], width, width, 1)) {}
Tensor Fusion::operator()(const Tensor& x, const Tensor& finer, int64_t height, int64_t width) const {
  const Tensor joined = finer.defined() ? ops::add(x, beside(finer)) : x;
  return out(between_corners(together(joined), height, width));
}

Patches::Patches(const nn::Weights& w, int64_t width, int64_t patch) : patch_(patch), width_(width) {
  const Tensor kernel = checked_parameter(w, "weight", {width, 3, patch, patch});
  const Tensor bias = checked_parameter(w, "bias", {width});
  if (w.probing() || !kernel.defined() || !bias.defined()) return;
  product_ = nn::Linear(contiguous(kernel.to(kHost).permute({0, 2, 3, 1})).view({width, patch * patch * 3}),
                        bias.to(kHost), DType::kF32, w.packer());
}
Tensor Patches::operator()(const Tensor& pixels, Device device) const {
  const int64_t rows = pixels.dim(1) / patch_, columns = pixels.dim(2) / patch_;
  const Tensor cells = contiguous(pixels.view({rows, patch_, columns, patch_, 3}).permute({0, 2, 1, 3, 4}));
  return product_(cells.to(device).view({1, rows * columns, patch_ * patch_ * 3}));
}

}  // namespace easel::models::dpt
