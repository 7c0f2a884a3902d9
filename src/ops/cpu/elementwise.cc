#include "ops/cpu/elementwise.h"

#include <algorithm>

#include "base/parallel.h"
#include "ops/cpu/kernels/kernels.h"
#include "ops/cpu/kernels/types.h"

namespace easel::ops::cpu {
namespace {

constexpr int64_t kGrain = 1 << 14;

void map(const Tensor& input, MapRun run, Tensor& out) {
  const Tensor x = contiguous(input);
  const size_t type = type_index(x.dtype());
  const int64_t element = static_cast<int64_t>(dtype_size(x.dtype()));
  parallel_for(x.numel(), kGrain, [&](int64_t begin, int64_t end) {
    MapRun part = run;
    part.x = static_cast<const char*>(x.raw()) + begin * element;
    part.out = static_cast<char*>(out.raw()) + begin * element;
    part.count = end - begin;
    kernels().map[type](part);
  });
}

// zip() takes runs along the innermost dimension, in which a is dense and b is dense or a single value.
Tensor with_dense_runs(const Tensor& t) {
  const bool usable = t.rank() == 0 || t.dim(-1) == 1 || t.stride(-1) <= 1;
  return usable ? t : contiguous(t);
}

void zip(const Tensor& left, const Tensor& right, ZipRun run, Tensor& out) {
  const Tensor a = left.rank() > 0 && left.dim(-1) > 1 && left.stride(-1) != 1 ? contiguous(left) : left;
  const Tensor b = with_dense_runs(right);
  const bool flat = a.contiguous() && b.contiguous();
  const int64_t width = flat ? std::min<int64_t>(a.numel(), kGrain) : a.rank() > 0 ? a.dim(-1) : 1;
  run.b_single = !flat && b.rank() > 0 && (b.dim(-1) == 1 || b.stride(-1) == 0);
  const size_t type = type_index(a.dtype());
  const int64_t element = static_cast<int64_t>(dtype_size(a.dtype())), rows = (a.numel() + width - 1) / width;
  parallel_for(rows, std::max<int64_t>(1, kGrain / width), [&](int64_t begin, int64_t end) {
    ZipRun part = run;
    for (int64_t r = begin; r < end; ++r) {
      int64_t rest = r, at_a = flat ? r * width : 0, at_b = at_a;
      for (int d = a.rank() - 1; !flat && d-- > 0;) {
        const int64_t i = rest % a.dim(d);
        rest /= a.dim(d);
        at_a += i * a.stride(d);
        at_b += i * b.stride(d);
      }
      part.a = static_cast<const char*>(a.raw()) + at_a * element;
      part.b = static_cast<const char*>(b.raw()) + at_b * element;
      part.out = static_cast<char*>(out.raw()) + r * width * element;
      part.count = std::min(width, a.numel() - r * width);
      kernels().zip[type](part);
    }
  });
}

}  // namespace

void activate(const Tensor& x, Activation activation, Tensor& out) {
  map(x, {.activation = static_cast<int>(activation), .scale = 1.0f, .shift = 0.0f}, out);
}

void affine(const Tensor& x, float scale, float shift, Tensor& out) {
  map(x, {.activation = static_cast<int>(Activation::kNone), .scale = scale, .shift = shift}, out);
}

void add(const Tensor& a, const Tensor& b, float scale, Tensor& out) {
  zip(a, b, {.op = ZipOp::kAdd, .factor = scale}, out);
}

void mul(const Tensor& a, const Tensor& b, Tensor& out) { zip(a, b, {.op = ZipOp::kMul, .factor = 1.0f}, out); }

void lerp(const Tensor& a, const Tensor& b, float t, Tensor& out) { zip(a, b, {.op = ZipOp::kLerp, .factor = t}, out); }

}  // namespace easel::ops::cpu
