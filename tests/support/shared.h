// Where the reference data lies that some tests compare with.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "support/paths.h"
#include "tensor/tensor.h"

namespace easel::testing {

// The folder with goldens, workflows and pictures: $EASEL_SHARED, else beside the checkout.
inline std::filesystem::path shared_dir() {
  if (const char* env = std::getenv("EASEL_SHARED")) return env;
  return std::filesystem::path(kSourceDir) / ".." / "shared";
}

inline bool have_shared() { return std::filesystem::exists(shared_dir() / "goldens" / "tiny" / "units.json"); }

// First line of a test that compares with the reference data, which is not part of the project.
#define EASEL_NEEDS_SHARED() \
  if (!::easel::testing::have_shared()) GTEST_SKIP() << "needs the reference data in ../shared, not here"

// ||a - b|| / ||b|| over all elements, in f64; infinity when shapes differ or a value is not finite.
inline double relative_error(const Tensor& a, const Tensor& b) {
  if (!(a.shape() == b.shape())) return INFINITY;
  const Tensor x = contiguous(convert(a, DType::kF32)), y = contiguous(convert(b, DType::kF32));
  double difference = 0, norm = 0;
  for (int64_t i = 0; i < x.numel(); ++i) {
    const double d = static_cast<double>(x.f32()[i]) - y.f32()[i];
    if (!std::isfinite(d)) return INFINITY;
    difference += d * d;
    norm += static_cast<double>(y.f32()[i]) * y.f32()[i];
  }
  return norm > 0 ? std::sqrt(difference / norm) : std::sqrt(difference);
}

// max |a - b|; infinity when shapes differ or a value is not finite.
inline double max_difference(const Tensor& a, const Tensor& b) {
  if (!(a.shape() == b.shape())) return INFINITY;
  const Tensor x = contiguous(convert(a, DType::kF32)), y = contiguous(convert(b, DType::kF32));
  double worst = 0;
  for (int64_t i = 0; i < x.numel(); ++i) {
    const double d = std::abs(static_cast<double>(x.f32()[i]) - y.f32()[i]);
    if (!std::isfinite(d)) return INFINITY;
    worst = d > worst ? d : worst;
  }
  return worst;
}

}  // namespace easel::testing
