// What networks that estimate depth share: DPT's head (Ranftl et al. 2021), which joins maps of a transformer, coarse
// ones first.
#pragma once

#include <vector>

#include "nn/layers.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/resample.h"

namespace easel::models::dpt {

nn::LayerNorm norm(const nn::Weights& w, int64_t width);
// Weight and bias of these shapes; padded so that a step of 1 keeps the size. Throws Error(kBadFile) for others.
nn::Conv2d conv(const nn::Weights& w, int64_t in, int64_t out, int64_t window, bool bias = true, int64_t stride = 1);
nn::Linear linear(const nn::Weights& w, int64_t in, int64_t out);

// One pixel becomes a square of them, none of which another pixel reaches: a product, and pixels put in their places.
class Enlargement {
 public:
  Enlargement() = default;
  Enlargement(const nn::Weights& w, int64_t width, int64_t times);
  Tensor operator()(const Tensor& x) const;
  size_t bytes() const;

 private:
  nn::Linear product_;
  Tensor bias_;
  int64_t times_ = 1;
};

struct Residual {
  Residual() = default;
  Residual(const nn::Weights& w, int64_t width);
  Tensor operator()(const Tensor& x) const;
  size_t bytes() const { return first.bytes() + second.bytes(); }
  nn::Conv2d first, second;
};

// Interpolation between the two values beside each of these places, which are 0 or more, of a row of `from` values; in
// f32, as torch does.
ops::Taps linear_taps(int64_t from, const std::vector<float>& places);
// [N,H,W,C] at another size, corners where they were: torch's bilinear interpolation with align_corners.
Tensor between_corners(const Tensor& x, int64_t height, int64_t width);

// Joins a map with the next finer one.
struct Fusion {
  Fusion() = default;
  Fusion(const nn::Weights& w, int64_t width, bool joins);
  Tensor operator()(const Tensor& x, const Tensor& finer, int64_t height, int64_t width) const;
  size_t bytes() const { return beside.bytes() + together.bytes() + out.bytes(); }
  Residual beside, together;
  nn::Conv2d out;
};

// The patches of a picture [1,H,W,3] as rows [1,count,width], by the weights of a convolution that steps from patch to
// patch.
class Patches {
 public:
  Patches() = default;
  Patches(const nn::Weights& w, int64_t width, int64_t patch);
  Tensor operator()(const Tensor& pixels, Device device) const;
  size_t bytes() const { return product_.bytes(); }

 private:
  nn::Linear product_;
  int64_t patch_ = 1, width_ = 0;
};

}  // namespace easel::models::dpt
