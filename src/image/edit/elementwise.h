// Loops over all elements of pictures, for this layer's own use.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/parallel.h"
#include "tensor/tensor.h"

namespace easel::image {

constexpr int64_t kElementGrain = 1 << 16;

// f(x) of every element of an f32 tensor, contiguous.
template <class F>
Tensor map(const Tensor& a, const F& f) {
  const Tensor in = contiguous(a);
  Tensor out(a.shape());
  const float* x = in.f32();
  float* y = out.f32();
  parallel_for(in.numel(), kElementGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = f(x[i]);
  });
  return out;
}

// f(x, y) of every pair of elements of two f32 tensors of one shape.
template <class F>
Tensor map(const Tensor& a, const Tensor& b, const F& f) {
  if (!(a.shape() == b.shape()))
    throw Error(Fault::kInvalid, "pictures of different shapes, " + a.shape().str() + " and " + b.shape().str());
  const Tensor left = contiguous(a), right = contiguous(b);
  Tensor out(a.shape());
  const float *x = left.f32(), *y = right.f32();
  float* z = out.f32();
  parallel_for(out.numel(), kElementGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) z[i] = f(x[i], y[i]);
  });
  return out;
}

}  // namespace easel::image
