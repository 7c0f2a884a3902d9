// The layers of StyleGAN2 (Karras et al. 2020) as MAT has them: weights are scaled when they are used, maps smoothed
// where they change size, and convolutions take a style. f32.
#pragma once

#include <tuple>
#include <utility>

#include "models/layers/convolutions.h"

namespace easel::models::fill {

enum class After { kNothing, kLeaky };  // kLeaky: times the root of 2

// Keys: weight [out,in], bias [out]; both are multiplied by `rate`, the weight also by 1 / sqrt(in).
nn::Linear scaled_linear(const nn::Weights& w, int64_t in, int64_t out, After after, double rate = 1);
// With what comes after.
Tensor leaky(const nn::Linear& layer, const Tensor& x);

enum class Resizing { kNone, kHalf, kTwice };

// Keys: weight [out,in,k,k], multiplied by 1 / sqrt(in k k), and, with After::kLeaky, bias [out].
class ScaledConvolution {
 public:
  ScaledConvolution() = default;
  ScaledConvolution(const nn::Weights& w, int64_t in, int64_t out, int64_t size, Resizing resizing = Resizing::kNone);
  // Rectified, leakily.
  Tensor operator()(const Tensor& x) const;
  int64_t out_channels() const { return out_; }
  size_t bytes() const { return plain_.bytes() + twice_.bytes() + bias_bytes_; }

 private:
  Resizing resizing_ = Resizing::kNone;
  int64_t out_ = 0;
  layers::Convolution plain_;
  layers::TurnedConvolution twice_;
  Tensor bias_;  // of what becomes larger: it is added after smoothing
  size_t bias_bytes_ = 0;
};

// The same, of a map of which only a part is known: what the windows saw of it counts for all of them.
// `known` [1,H,W,1] is 1 where it is; undefined: everywhere, and then it stays so.
std::pair<Tensor, Tensor> partial(const ScaledConvolution& layer, const Tensor& x, const Tensor& known,
                                  int64_t stride = 1);

// A convolution whose input channels are scaled by a style, and its output channels so that their variance stays. Keys:
// conv.weight [1,out,in,k,k], conv.affine, bias [out].
class StyledConvolution {
 public:
  StyledConvolution() = default;
  // With `colours` it neither scales its output nor rectifies it.
  StyledConvolution(const nn::Weights& w, int64_t in, int64_t out, int64_t style, int64_t size, bool twice,
                    bool colours = false);
  // x [1,H,W,in], style [1,width]
  Tensor operator()(const Tensor& x, const Tensor& style) const;
  size_t bytes() const { return plain_.bytes() + twice_.bytes() + affine_.bytes() + squares_.bytes(); }

 private:
  bool enlarges_ = false, colours_ = false;
  layers::Convolution plain_;
  layers::TurnedConvolution twice_;
  nn::Linear affine_, squares_;
  Tensor bias_;  // [1,1,1,out]
};

// A picture at twice its size, smoothed.
Tensor twice_as_large(const Tensor& picture);

}  // namespace easel::models::fill
