#include "models/patch/matrices.h"

#include <string>

#include "base/error.h"
#include "ops/linear.h"

namespace easel::models {

void check_size(int64_t rows, int64_t columns) {
  constexpr int64_t kMost = int64_t{1} << 28;
  int64_t size = 0;
  if (__builtin_mul_overflow(rows, columns, &size) || size > kMost)
    throw Error(Fault::kMismatch, "its factors make a matrix of " + std::to_string(rows) + " x " +
                                      std::to_string(columns) + ", larger than any weight");
}

Tensor product(const Tensor& a, const Tensor& b) {
  if (a.dim(1) != b.dim(0))
    throw Error(Fault::kMismatch, "factors of shapes " + a.shape().str() + " and " + b.shape().str());
  check_size(a.dim(0), b.dim(1));
  return ops::linear(a, *ops::pack_linear(b.permute({1, 0}), {}, DType::kF32));
}

}  // namespace easel::models
