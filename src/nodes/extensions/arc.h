// Mixing along an arc: between the directions of two tensors, each seen as one vector (Shoemake 1985).
#pragma once

#include <algorithm>
#include <cmath>

#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/elementwise.h"
#include "tensor/tensor.h"

namespace easel::nodes {

// The angle between two f32 tensors of one shape, 0 to pi; a right angle where one of them is all 0.
inline double angle_between(const Tensor& a, const Tensor& b) {
  const auto product = [](const Tensor& x, const Tensor& y) {
    return double{ops::item(ops::reduce(ops::mul(x, y), ops::Reduction::kSum, 0, -1))};
  };
  const double lengths = std::sqrt(product(a, a) * product(b, b));
  return std::acos(lengths > 0 ? std::clamp(product(a, b) / lengths, -1.0, 1.0) : 0.0);
}

// What each of two tensors counts at `part` of the way from the first to the second.
struct ArcWeights {
  float first = 1, second = 0;
};
// Not numbers where the angle is 0: there is no arc between tensors of one direction.
inline ArcWeights arc_weights(double angle, double part) {
  return {static_cast<float>(std::sin((1 - part) * angle) / std::sin(angle)),
          static_cast<float>(std::sin(part * angle) / std::sin(angle))};
}

inline Tensor weighted_sum(const Tensor& a, const Tensor& b, const ArcWeights& w) {
  return ops::map([w](auto x, auto y) { return w.first * x + w.second * y; }, a, b);
}

}  // namespace easel::nodes
