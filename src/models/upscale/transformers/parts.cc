#include "models/upscale/transformers/parts.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/round.h"
#include "image/scale/mirrored.h"
#include "models/text/clip_encoder.h"
#include "models/weights/key_names.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/resample.h"

namespace easel::models::transformers {
namespace {

constexpr int64_t kColours = 3, kMostScale = 16;
constexpr std::array<float, 3> kMean{0.4488f, 0.4371f, 0.4040f};  // of DIV2K's colours

}  // namespace

nn::Linear linear(const nn::Weights& w, int64_t in, int64_t out) {
  expect_shape(w, "weight", {out, in});
  expect_shape(w, "bias", {out});
  return nn::Linear(w, DType::kF32);
}

nn::LayerNorm norm(const nn::Weights& w, int64_t width, float eps) {
  expect_shape(w, "weight", {width});
  expect_shape(w, "bias", {width});
  return nn::LayerNorm(w, eps);
}

int64_t entries(const nn::Weights& w) {
  constexpr int64_t kMost = 100;
  const int64_t out = numbered_children(w);
  if (out > kMost)
    throw Error(Fault::kBadFile, "has " + std::to_string(out) + " of '" + w.full("N") + "', more than any such network")
        .in_file(w.file());
  return out;
}

int64_t root_of(const nn::Weights& w, const std::string& name, int64_t square) {
  const auto root = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(std::max<int64_t>(square, 0)))));
  if (root < 1 || root * root != square)
    throw Error(Fault::kBadFile,
                "tensor '" + w.full(name) + "' is for " + std::to_string(square) + " places, which are no square")
        .in_file(w.file());
  return root;
}

SwinBlock::SwinBlock(const nn::Weights& w, int64_t width, int64_t side, bool shifted)
    : window(side), shift(shifted ? side / 2 : 0) {
  const nn::Weights attention = w["attn"];
  const int64_t along = 2 * side - 1;
  heads = shape_of_rank(attention, "relative_position_bias_table", 2)[1];
  if (width % heads != 0)
    throw Error(Fault::kBadFile, std::to_string(heads) + " heads do not divide a width of " + std::to_string(width))
        .in_file(w.file());
  const Tensor table = checked_parameter(attention, "relative_position_bias_table", {along * along, heads});
  relative_bytes = static_cast<size_t>(heads * side * side * side * side) * sizeof(float);
  if (table.defined() && !w.packer().measures())
    relative = layers::relative_scores(table.to(kHost), side, side).to(w.packer().device());
  norm1 = norm(w["norm1"], width);
  qkv = linear(attention["qkv"], width, 3 * width);
  out = linear(attention["proj"], width, width);
  norm2 = norm(w["norm2"], width);
  const int64_t hidden = outputs_of(w["mlp"]["fc1"], 2);
  fc1 = linear(w["mlp"]["fc1"], width, hidden);
  fc2 = linear(w["mlp"]["fc2"], hidden, width);
}

Tensor SwinBlock::attended(const Tensor& normed) const {
  const int64_t h = normed.dim(1), w = normed.dim(2), c = normed.dim(3);
  const Tensor all = qkv(layers::cut_into_windows(layers::rolled(normed, shift, shift), window, window));
  const layers::RolledWindows rolled{
      .map_height = h, .map_width = w, .height = window, .width = window, .down = shift, .right = shift};
  const Tensor mixed = layers::attention_in_windows(all.slice(2, 0, c), all.slice(2, c, c), all.slice(2, 2 * c, c),
                                                    heads, relative, shift > 0 ? &rolled : nullptr);
  return layers::rolled(layers::joined_windows(out(mixed), window, window, h, w), -shift, -shift);
}

Tensor SwinBlock::operator()(const Tensor& x) const { return fed(ops::add(x, attended(norm1(x)))); }

Closing::Closing(const nn::Weights& w, int64_t width) {
  if (!w.has("0.weight")) {
    convs_.emplace_back(w, width, width);
    return;
  }
  const int64_t narrow = outputs_of(w[0], 4);
  convs_.emplace_back(w[0], width, narrow);
  convs_.emplace_back(w[2], narrow, narrow, layers::Window{.size = 1});
  convs_.emplace_back(w[4], narrow, width);
}

Tensor Closing::operator()(const Tensor& x) const {
  if (convs_.size() == 1) return convs_[0](x);
  const ops::ConvArgs leaky{.activation = ops::Activation::kLeakyRelu};
  return convs_[2](convs_[1](convs_[0](x, leaky), leaky));
}

size_t Closing::bytes() const {
  size_t total = 0;
  for (const layers::Convolution& c : convs_) total += c.bytes();
  return total;
}

Painter::How Painter::how(const nn::Weights& w) {
  if (w.has("conv_before_upsample.0.weight")) return w.has("conv_up1.weight") ? How::kNearest : How::kPixels;
  return w.has("upsample.0.weight") ? How::kDirect : How::kDifference;
}

int64_t Painter::scale_of(const nn::Weights& w, int64_t width) {
  int64_t scale = 1;
  switch (how(w)) {
    case How::kDifference: break;
    case How::kDirect: {
      const Shape shape = shape_of_rank(w["upsample"][0], "weight", 4);
      scale = root_of(w, "upsample.0.weight", shape[0] % kColours == 0 ? shape[0] / kColours : 0);
      break;
    }
    case How::kNearest:
      for (int i = 1; w.has("conv_up" + std::to_string(i) + ".weight") && scale < 2 * kMostScale; ++i) scale *= 2;
      break;
    case How::kPixels:
      for (int64_t i = 0; w["upsample"].has(std::to_string(i) + ".weight") && scale <= kMostScale; i += 2) {
        const Shape shape = shape_of_rank(w["upsample"][i], "weight", 4);
        scale *=
            root_of(w, "upsample." + std::to_string(i) + ".weight", shape[0] % shape[1] == 0 ? shape[0] / shape[1] : 0);
      }
      break;
  }
  if (scale > kMostScale || width < 1)
    throw Error(Fault::kUnsupported, "enlarges by more than " + std::to_string(kMostScale)).in_file(w.file());
  return scale;
}

Painter::Painter(const nn::Weights& w, int64_t width) : how_(how(w)), scale_(scale_of(w, width)) {
  features_ = width;
  if (how_ == How::kDifference) {
    last_ = layers::Convolution(w["conv_last"], width, kColours);
    return;
  }
  if (how_ == How::kDirect) {
    ups_.emplace_back(w["upsample"][0], width, kColours * scale_ * scale_);
    times_.push_back(scale_);
    return;
  }
  features_ = outputs_of(w["conv_before_upsample"][0], 4);
  before_ = layers::Convolution(w["conv_before_upsample"][0], width, features_);
  for (int64_t done = 1, i = 0; done < scale_; done *= times_.back(), ++i) {
    if (how_ == How::kNearest) {
      ups_.emplace_back(w["conv_up" + std::to_string(i + 1)], features_, features_);
      times_.push_back(2);
    } else {
      const nn::Weights up = w["upsample"][2 * i];
      const int64_t out = outputs_of(up, 4);
      times_.push_back(std::max<int64_t>(2, root_of(up, "weight", out / features_)));
      ups_.emplace_back(up, features_, features_ * times_.back() * times_.back());
    }
  }
  if (how_ == How::kNearest) hr_ = layers::Convolution(w["conv_hr"], features_, features_);
  last_ = layers::Convolution(w["conv_last"], features_, kColours);
}

Tensor Painter::operator()(const Tensor& x) const {
  constexpr float kSlope = 0.01f;
  constexpr auto kLeaky = ops::Activation::kLeakyRelu;
  if (how_ == How::kDifference) return last_(x);
  if (how_ == How::kDirect) return ops::pixel_shuffle(ups_[0](x), scale_);
  Tensor y = layers::leaky(before_(x), kSlope);
  for (size_t i = 0; i < ups_.size(); ++i)
    y = how_ == How::kNearest ? ups_[i](ops::upsample_nearest2x(y), {.activation = kLeaky})
                              : ops::pixel_shuffle(ups_[i](y), times_[i]);
  return last_(how_ == How::kNearest ? hr_(y, {.activation = kLeaky}) : y);
}

size_t Painter::bytes_of_pixel() const {
  constexpr int64_t kMaps = 3;
  return static_cast<size_t>((features_ * kMaps + kColours) * scale_ * scale_) * sizeof(float);
}

size_t Painter::bytes() const {
  size_t total = before_.bytes() + hr_.bytes() + last_.bytes();
  for (const layers::Convolution& c : ups_) total += c.bytes();
  return total;
}

Tensor without_mean(const Tensor& x, float range) {
  const Tensor mean = Tensor::of({1, 1, 1, kColours}, kMean).to(x.device());
  return ops::map([range](auto v, auto m) { return (v - m) * range; }, x, mean);
}

Tensor with_mean(const Tensor& x, float range) {
  const Tensor mean = Tensor::of({1, 1, 1, kColours}, kMean).to(x.device());
  return ops::map([range](auto v, auto m) { return v / range + m; }, x, mean);
}

Tensor mirrored_to(const Tensor& x, int64_t multiple) {
  const auto taps = [&](int64_t side) {
    ops::Taps out;
    for (int64_t i = 0; i < round_up(side, multiple); ++i) out.index.push_back(image::mirrored(i, side));
    return out;
  };
  if (x.dim(1) % multiple == 0 && x.dim(2) % multiple == 0) return x;
  return ops::resample(x, taps(x.dim(1)), taps(x.dim(2)));
}

}  // namespace easel::models::transformers
