// Brownian motion over noise levels, identical to torchsde's BrownianTree as ComfyUI's SDE samplers use it.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "tensor/tensor.h"

namespace easel::sampling {

// One path of `size` independent Brownian motions on [t0, t1], fixed by its seed alone: any query gives the
// increment of the same path. Internally a binary tree of halved intervals, resolved to 1e-6; an interval's
// increment is drawn from its parent's by a Brownian bridge. Not thread-safe.
class BrownianTree {
 public:
  // t0 <= t1. Throws Error(kInternal) otherwise.
  BrownianTree(double t0, double t1, int64_t size, uint64_t seed);
  ~BrownianTree();

  // W(b) - W(a) for a <= b; times outside [t0, t1] are clamped to it. f32 [size].
  Tensor increment(double a, double b);

 private:
  struct Interval;
  void collect(Interval& node, double a, double b, std::vector<Interval*>& parts);
  void split_down_to(Interval& leaf, double time);
  void halve(Interval& leaf);
  const Tensor& value(Interval& node);
  void keep(Interval& node, Tensor value);

  int64_t size_;
  uint64_t seed_;
  std::unique_ptr<Interval> root_;
  std::list<Interval*> kept_;  // intervals whose increment is held, last used first
};

// Noise for a step between two noise levels: the path's increment, scaled to unit variance.
class BrownianNoise {
 public:
  // For a latent [N,h,w,C] and all levels within [sigma_min, sigma_max].
  BrownianNoise(const Shape& latent, float sigma_min, float sigma_max, uint64_t seed);
  // Same shape as the latent; sigma and sigma_next differ, in either order.
  Tensor operator()(float sigma, float sigma_next);

 private:
  Shape shape_;
  BrownianTree tree_;
};

}  // namespace easel::sampling
