// Tensors that the reference can be given as well, and short summaries of what it made of them.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "tensor/tensor.h"

namespace easel::models {

// 0.9 sin(0.7 i + phase) at flat index i.
inline Tensor sines(const Shape& shape, double phase) {
  Tensor t(shape);
  for (int64_t i = 0; i < t.numel(); ++i)
    t.f32()[i] = static_cast<float>(std::sin(static_cast<double>(i) * 0.7 + phase) * 0.9);
  return t;
}

// The elements at flat index 0, 1, n/2 and n-1, and the root of the mean square.
struct Summary {
  std::array<float, 4> values;
  double rms;
};

inline void expect_summary(const Tensor& t, const Summary& expected, double tolerance) {
  const Tensor x = contiguous(convert(t, DType::kF32));
  const int64_t n = x.numel();
  const std::array<int64_t, 4> at = {0, 1, n / 2, n - 1};
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(x.f32()[at[i]], expected.values[i], tolerance) << "element " << at[i];
  double squares = 0;
  for (const float v : x.values()) squares += static_cast<double>(v) * v;
  EXPECT_NEAR(std::sqrt(squares / static_cast<double>(n)), expected.rms, tolerance);
}

}  // namespace easel::models
