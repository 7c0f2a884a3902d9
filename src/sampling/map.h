// Arithmetic on whole tensors, written as the formula of one element.
#pragma once

#include "base/parallel.h"
#include "tensor/tensor.h"

namespace easel::sampling {

// f(a[i], b[i], ...) for every element of contiguous f32 tensors of one shape, as a fresh tensor:
//   x = map([=](float v, float d) { return v + (v - d) / sigma * dt; }, x, denoised);
// Runs on all threads when there is enough to do. Throws Error(kInternal) when shapes differ.
template <class F, class... Rest>
Tensor map(const F& f, const Tensor& first, const Rest&... rest) {
  if (!(first.contiguous() && ... && rest.contiguous()) || !((first.shape() == rest.shape()) && ...)) {
    throw Error(Fault::kInternal, "element-wise arithmetic on tensors that do not match " + first.shape().str());
  }
  Tensor out(first.shape());
  float* to = out.f32();
  const auto run = [&](const float* a, const auto*... others) {
    parallel_for(out.numel(), 262144, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) to[i] = f(a[i], others[i]...);
    });
  };
  run(first.f32(), rest.f32()...);
  return out;
}

}  // namespace easel::sampling
