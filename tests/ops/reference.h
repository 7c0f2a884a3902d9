// What the tests of the ops share: both compute types with their tolerances, random tensors, strided and
// poisoned memory, and plain f64 loops to compare with.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "ops/linear.h"
#include "support/shared.h"
#include "tensor/tensor.h"

namespace easel::ops::testing {

using easel::testing::max_difference;
using easel::testing::relative_error;

// A suite runs once per compute type. tolerance() bounds the relative error over a whole output.
template <class T>
class TypedOps : public ::testing::Test {
 protected:
  static constexpr DType kType = std::is_same_v<T, float> ? DType::kF32 : DType::kBF16;
  static constexpr double tolerance() { return kType == DType::kF32 ? 2e-6 : 4e-3; }
  void SetUp() override { set_pool_poison(true); }
  void TearDown() override { set_pool_poison(false); }

  // Normal values, already rounded to the type, so that a reference in f64 sees the same inputs.
  Tensor random(const Shape& shape, float scale = 1.0f, float mean = 0.0f) {
    Tensor t(shape);
    std::normal_distribution<float> normal(mean, scale);
    for (float& v : t.values()) v = normal(rng_);
    return convert(t, kType);
  }
  Tensor random_f32(const Shape& shape, float scale = 1.0f) {
    Tensor t(shape);
    std::normal_distribution<float> normal(0.0f, scale);
    for (float& v : t.values()) v = normal(rng_);
    return t;
  }
  // The same values inside a wider row: the innermost dimension dense, rows apart.
  static Tensor spread(const Tensor& t, int64_t extra) {
    Shape wide = t.shape();
    wide[-1] += extra;
    Tensor big(wide, t.dtype());
    Tensor view = big.slice(-1, extra / 2, t.dim(-1));
    const Tensor from = contiguous(t);
    const size_t row = static_cast<size_t>(t.dim(-1)) * dtype_size(t.dtype());
    for (int64_t r = 0; r < from.numel() / from.dim(-1); ++r)
      std::memcpy(static_cast<char*>(view.raw()) + static_cast<size_t>(r * wide[-1]) * dtype_size(t.dtype()),
                  static_cast<const char*>(from.raw()) + static_cast<size_t>(r) * row, row);
    return view;
  }
  int64_t pick(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(rng_); }

  std::mt19937 rng_{20240601};
};

using BothTypes = ::testing::Types<float, BFloat16>;

inline std::vector<double> doubles(const Tensor& t) {
  const Tensor f = convert(contiguous(t), DType::kF32);
  return {f.values().begin(), f.values().end()};
}

inline Tensor tensor_of(const Shape& shape, const std::vector<double>& values) {
  Tensor t(shape);
  for (size_t i = 0; i < values.size(); ++i) t.f32()[i] = static_cast<float>(values[i]);
  return t;
}

inline double reference_activation(Activation a, double v) {
  switch (a) {
    case Activation::kNone: return v;
    case Activation::kSilu: return v / (1.0 + std::exp(-v));
    case Activation::kGelu: return 0.5 * v * (1.0 + std::erf(v * std::sqrt(0.5)));
    case Activation::kQuickGelu: return v / (1.0 + std::exp(-1.702 * v));
    case Activation::kRelu: return v < 0 ? 0 : v;
    case Activation::kLeakyRelu: return v < 0 ? 0.2 * v : v;
  }
  return NAN;
}

}  // namespace easel::ops::testing
