// What the tests of the models share.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "formats/tensors/model_file.h"
#include "nn/weights.h"
#include "support/shared.h"
#include "support/tiny_models.h"

namespace easel::models {

using testing::tiny_models_dir;

inline nn::Weights tiny_weights(const std::string& file, DType compute) {
  const auto path = tiny_models_dir() / file;
  const auto tensors = formats::open_model_file(path).tensors;
  return nn::Weights(tensors, compute, path.filename().string());
}

// [N,C,H,W] -> [N,H,W,C].
inline Tensor to_channels_last(const Tensor& t) { return contiguous(t.permute({0, 2, 3, 1})); }

inline std::vector<float> to_vector(const Tensor& t) {
  const Tensor f = convert(t, DType::kF32);
  return {f.values().begin(), f.values().end()};
}

// Made-up values in [-1,1), the same everywhere: a linear congruential generator (Numerical Recipes' constants).
inline Tensor made_up(const Shape& shape, uint32_t seed) {
  Tensor t(shape);
  for (float& v : t.values()) {
    seed = seed * 1664525u + 1013904223u;
    v = static_cast<float>(seed >> 8) * 0x1p-23f - 1.0f;
  }
  return t;
}

// Compares the first values and the length of `t` with what the reference computed for the same made-up input.
inline void expect_values(const Tensor& t, std::initializer_list<double> first, double norm) {
  double squares = 0;
  for (const float v : t.values()) squares += static_cast<double>(v) * static_cast<double>(v);
  EXPECT_NEAR(std::sqrt(squares), norm, 1e-5 * norm);
  int64_t i = 0;
  for (const double v : first) EXPECT_NEAR(static_cast<double>(t.f32()[i++]), v, 1e-5 * (1 + std::abs(v)));
}

}  // namespace easel::models
