#include "ops/elementwise.h"

#include <cmath>

#include "base/parallel.h"
#include "ops/check.h"

namespace easel::ops {
namespace {

constexpr int64_t kGrain = 1 << 14;

template <class Fn>
Tensor map(const char* op, const Tensor& input, Fn fn) {
  check_float(op, input);
  const Tensor x = contiguous(input);
  Tensor out(x.shape(), x.dtype());
  with_type(x.dtype(), [&]<class T>(T) {
    const T* in = x.data<T>();
    T* to = out.data<T>();
    parallel_for(x.numel(), kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) to[i] = T(fn(static_cast<float>(in[i])));
    });
  });
  return out;
}

// The strides that make b walk along a; 0 where b is broadcast.
Shape broadcast_strides(const char* op, const Tensor& a, const Tensor& b) {
  Shape strides = b.strides();
  bool fits = a.rank() == b.rank() && a.dtype() == b.dtype();
  for (int d = 0; fits && d < a.rank(); ++d) {
    fits = b.dim(d) == a.dim(d) || b.dim(d) == 1;
    if (b.dim(d) == 1) strides[d] = 0;
  }
  if (!fits) reject(op, a.str() + " with " + b.str());
  return strides;
}

template <class Fn>
Tensor zip(const char* op, const Tensor& a, const Tensor& b, Fn fn) {
  check_float(op, a);
  check_float(op, b);
  const Shape bs = broadcast_strides(op, a, b);
  Tensor out(a.shape(), a.dtype());
  if (a.numel() == 0) return out;
  const int64_t width = a.rank() > 0 ? a.dim(-1) : 1;
  const int64_t as_in = a.rank() > 0 ? a.stride(-1) : 0, bs_in = a.rank() > 0 ? bs[-1] : 0;
  with_type(a.dtype(), [&]<class T>(T) {
    parallel_for(a.numel() / width, std::max<int64_t>(1, kGrain / width), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        int64_t rest = r, ao = 0, bo = 0;
        for (int d = a.rank() - 1; d-- > 0;) {
          const int64_t i = rest % a.dim(d);
          rest /= a.dim(d);
          ao += i * a.stride(d);
          bo += i * bs[d];
        }
        const T* pa = a.data<T>() + ao;
        const T* pb = b.data<T>() + bo;
        T* to = out.data<T>() + r * width;
        for (int64_t i = 0; i < width; ++i)
          to[i] = T(fn(static_cast<float>(pa[i * as_in]), static_cast<float>(pb[i * bs_in])));
      }
    });
  });
  return out;
}

}  // namespace

Tensor activate(const Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::kNone: return x;
    case Activation::kSilu: return map("activate", x, [](float v) { return v / (1.0f + std::exp(-v)); });
    case Activation::kQuickGelu: return map("activate", x, [](float v) { return v / (1.0f + std::exp(-1.702f * v)); });
    case Activation::kGelu:
      return map("activate", x, [](float v) { return 0.5f * v * (1.0f + std::erf(v * 0.70710678f)); });
    case Activation::kRelu: return map("activate", x, [](float v) { return v < 0.0f ? 0.0f : v; });
  }
  reject("activate", "unknown activation");
}

Tensor add(const Tensor& a, const Tensor& b, float scale) {
  return zip("add", a, b, [scale](float x, float y) { return x + scale * y; });
}
Tensor mul(const Tensor& a, const Tensor& b) {
  return zip("mul", a, b, [](float x, float y) { return x * y; });
}
Tensor affine(const Tensor& x, float scale, float shift) {
  return map("affine", x, [=](float v) { return v * scale + shift; });
}
Tensor lerp(const Tensor& a, const Tensor& b, float t) {
  return zip("lerp", a, b, [t](float x, float y) { return x + (y - x) * t; });
}

}  // namespace easel::ops
