// Convolutions one after another, as networks that make hints have them.
#pragma once

#include <string>
#include <vector>

#include "nn/layers.h"

namespace easel::models {

// Each takes what the one before gives, whose width the file must agree with; all keep the picture's size.
class Chain {
 public:
  Chain() = default;
  // The layers of these names, from `in` channels to `out`; with out 0 as many as the file says. Throws
  // Error(kBadFile) for other shapes or a missing weight; a missing bias is recorded in `w`.
  Chain(const nn::Weights& w, const std::vector<std::string>& names, int64_t in, int64_t out);

  // Rectified after each layer, after the last one only if that is said.
  Tensor operator()(Tensor x, bool rectified) const;
  int64_t width() const { return width_; }
  // Of what goes in and of what any layer gives.
  int64_t widest() const { return widest_; }
  size_t bytes() const;

 private:
  std::vector<nn::Conv2d> convs_;
  int64_t width_ = 0, widest_ = 0;
};

// The largest of each 2 x 2 pixels of [N,H,W,C], whose sides are even.
Tensor max_pooled(const Tensor& x);

}  // namespace easel::models
