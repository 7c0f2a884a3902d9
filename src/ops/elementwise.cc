#include "ops/elementwise.h"

#include <algorithm>

#include "base/parallel.h"
#include "ops/check.h"
#include "ops/counters.h"
#include "ops/cpu/kernels/kernels.h"
#include "ops/cpu/kernels/types.h"

namespace easel::ops {
namespace {

constexpr int64_t kGrain = 1 << 14;

Tensor map(const char* op, const Tensor& input, cpu::MapRun run) {
  check_float(op, input);
  const Tensor x = contiguous(input);
  Tensor out(x.shape(), x.dtype());
  CountOp count(OpKind::kPointwise);
  count.add(0, 0, 2 * x.nbytes());
  const size_t type = cpu::type_index(x.dtype());
  const int64_t element = static_cast<int64_t>(dtype_size(x.dtype()));
  parallel_for(x.numel(), kGrain, [&](int64_t begin, int64_t end) {
    cpu::MapRun part = run;
    part.x = static_cast<const char*>(x.raw()) + begin * element;
    part.out = static_cast<char*>(out.raw()) + begin * element;
    part.count = end - begin;
    cpu::kernels().map[type](part);
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

Tensor zip(const char* op, const Tensor& left, const Tensor& right, cpu::ZipRun run) {
  check_float(op, left);
  check_float(op, right);
  // Runs go along the innermost dimension, dense in a, dense or single in b.
  const Tensor a = left.rank() > 0 && left.dim(-1) > 1 && left.stride(-1) != 1 ? contiguous(left) : left;
  const Tensor b = right.rank() > 0 && right.dim(-1) > 1 && right.stride(-1) != 1 ? contiguous(right) : right;
  const Shape b_strides = broadcast_strides(op, a, b);
  Tensor out(a.shape(), a.dtype());
  if (a.numel() == 0) return out;
  const bool flat = a.contiguous() && b.contiguous() && a.shape() == b.shape();
  const int64_t width = flat ? std::min<int64_t>(a.numel(), kGrain) : a.rank() > 0 ? a.dim(-1) : 1;
  run.b_single = !flat && b_strides.rank() > 0 && b.dim(-1) == 1;
  CountOp count(OpKind::kPointwise);
  count.add(0, 0, a.nbytes() + b.nbytes() + out.nbytes());
  const size_t type = cpu::type_index(a.dtype());
  const int64_t element = static_cast<int64_t>(dtype_size(a.dtype())), rows = (a.numel() + width - 1) / width;
  parallel_for(rows, std::max<int64_t>(1, kGrain / width), [&](int64_t begin, int64_t end) {
    cpu::ZipRun part = run;
    for (int64_t r = begin; r < end; ++r) {
      int64_t rest = r, at_a = flat ? r * width : 0, at_b = at_a;
      for (int d = a.rank() - 1; !flat && d-- > 0;) {
        const int64_t i = rest % a.dim(d);
        rest /= a.dim(d);
        at_a += i * a.stride(d);
        at_b += i * b_strides[d];
      }
      part.a = static_cast<const char*>(a.raw()) + at_a * element;
      part.b = static_cast<const char*>(b.raw()) + at_b * element;
      part.out = static_cast<char*>(out.raw()) + r * width * element;
      part.count = std::min(width, a.numel() - r * width);
      cpu::kernels().zip[type](part);
    }
  });
  return out;
}

}  // namespace

Tensor activate(const Tensor& x, Activation activation) {
  if (activation == Activation::kNone) return x;
  return map("activate", x, {nullptr, 0, static_cast<int>(activation), 1.0f, 0.0f, nullptr});
}

Tensor add(const Tensor& a, const Tensor& b, float scale) {
  return zip("add", a, b, {cpu::ZipOp::kAdd, nullptr, nullptr, false, 0, scale, nullptr});
}
Tensor mul(const Tensor& a, const Tensor& b) {
  return zip("mul", a, b, {cpu::ZipOp::kMul, nullptr, nullptr, false, 0, 1.0f, nullptr});
}
Tensor affine(const Tensor& x, float scale, float shift) {
  return map("affine", x, {nullptr, 0, static_cast<int>(Activation::kNone), scale, shift, nullptr});
}
Tensor lerp(const Tensor& a, const Tensor& b, float t) {
  return zip("lerp", a, b, {cpu::ZipOp::kLerp, nullptr, nullptr, false, 0, t, nullptr});
}

}  // namespace easel::ops
