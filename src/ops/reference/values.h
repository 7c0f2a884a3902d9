// Tensors of the reference backend as plain numbers.
#pragma once

#include <cmath>
#include <vector>

#include "ops/linear.h"
#include "tensor/tensor.h"

namespace easel::ops::reference {

using Values = std::vector<double>;

// Every element in C order, whatever the type and the strides.
Values read(const Tensor& t);
// The same, but empty for an undefined tensor.
inline Values read_if_defined(const Tensor& t) { return t.defined() ? read(t) : Values(); }
// Fills a contiguous f32, f16 or bf16 tensor, rounding to nearest even.
void write(const Values& values, Tensor& to);
// Copies a contiguous tensor into one of the same shape and type at any strides.
void scatter(const Tensor& from, Tensor& to);

// Index into Values, which counts in size_t where shapes count in int64_t.
inline size_t at(int64_t i) { return static_cast<size_t>(i); }

inline double activated(double v, Activation activation) {
  switch (activation) {
    case Activation::kNone: return v;
    case Activation::kSilu: return v / (1.0 + std::exp(-v));
    case Activation::kGelu: return 0.5 * v * (1.0 + std::erf(v / std::sqrt(2.0)));
    case Activation::kQuickGelu: return v / (1.0 + std::exp(-1.702 * v));
    case Activation::kRelu: return v < 0.0 ? 0.0 : v;
    case Activation::kLeakyRelu: return v < 0.0 ? 0.2 * v : v;
  }
  return v;
}

}  // namespace easel::ops::reference
