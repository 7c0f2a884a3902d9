// Zeros stand for what is not there: a latent without a picture, a prediction that was not needed.
#pragma once

#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "tensor/tensor.h"

namespace easel::guidance {

// Whether all values of a tensor of any shape, f32, are 0; a NaN is not.
inline bool all_zero(const Tensor& t) {
  const Tensor differs = ops::map([](auto v) { return 1 - (v == 0); }, t);
  return ops::item(ops::reduce(differs, ops::Reduction::kMax, 0, -1)) == 0;
}

}  // namespace easel::guidance
