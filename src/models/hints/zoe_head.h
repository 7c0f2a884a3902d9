// ZoeDepth's second head: metres from the maps of the first.
#pragma once

#include <array>
#include <vector>

#include "models/hints/dpt.h"

namespace easel::models {

struct ZoeConfig;

class ZoeHead {
 public:
  ZoeHead() = default;
  // Of the file's whole tree.
  ZoeHead(const nn::Weights& w, const ZoeConfig& config);

  // From DPT's coarsest map, its four joined ones, coarse ones first, the map before its last layer [1,H,W,32] and what
  // that gives, [1,H,W,1] -> metres [1,H,W,1].
  Tensor operator()(const Tensor& coarsest, const std::array<Tensor, 4>& joined, const Tensor& last,
                    const Tensor& relative) const;
  size_t bytes() const;

 private:
  // Two layers of windows of one pixel.
  struct Pair {
    Pair() = default;
    Pair(const nn::Weights& w, int64_t in, int64_t hidden, int64_t out);
    Tensor operator()(const Tensor& x, ops::Activation activation = ops::Activation::kRelu) const;
    size_t bytes() const { return first.bytes() + second.bytes(); }
    nn::Conv2d first, second;
  };
  Tensor attracted(const Tensor& centres, const Tensor& attractors) const;
  Tensor weights(const Tensor& last, const Tensor& embedding) const;

  nn::Conv2d first_;
  Pair seed_, seed_projector_, binomial_;
  std::array<Pair, 4> projectors_, attractors_;
  Tensor places_, binomials_;  // k and log(n choose k) of the bins, [1,1,1,bins]
};

}  // namespace easel::models
