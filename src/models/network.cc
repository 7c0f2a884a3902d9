#include "models/network.h"

#include "ops/elementwise.h"

namespace easel::models {

Tensor repeat_to_batch(const Tensor& t, int64_t n) {
  if (!t.defined() || t.dim(0) == n) return t;
  if (t.dim(0) > n) return contiguous(t.slice(0, 0, n));
  return contiguous(ops::repeat(t, (n + t.dim(0) - 1) / t.dim(0)).slice(0, 0, n));
}

}  // namespace easel::models
