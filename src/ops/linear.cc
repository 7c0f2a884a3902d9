#include "ops/linear.h"

#include <cmath>

#include "base/parallel.h"
#include "ops/check.h"
#include "ops/cpu/dnnl.h"

namespace easel::ops {
namespace {

// The stride between rows when the leading dimensions of x can be walked as one; -1 when they cannot.
int64_t row_stride(const Tensor& x) {
  int64_t stride = -1, expected = -1;
  for (int d = x.rank() - 1; d-- > 0;) {
    if (x.dim(d) == 1) continue;
    if (stride < 0) stride = x.stride(d);
    else if (x.stride(d) != expected) return -1;
    expected = x.stride(d) * x.dim(d);
  }
  return stride < 0 ? x.dim(-1) : stride;
}

template <class T>
void gate(const T* in, T* out, int64_t rows, int64_t width) {
  parallel_for(rows, 16, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      for (int64_t c = 0; c < width; ++c) {
        const float value = static_cast<float>(in[r * 2 * width + c]),
                    g = static_cast<float>(in[r * 2 * width + width + c]);
        out[r * width + c] = T(value * 0.5f * g * (1.0f + std::erf(g * 0.70710678f)));
      }
  });
}

}  // namespace

PackedLinearPtr pack_linear(const Tensor& weight, const Tensor& bias, DType compute, bool geglu) {
  if (!weight.defined() || weight.rank() != 2 || !is_float(weight.dtype()))
    reject("pack_linear", "weight " + weight.str());
  if (bias.defined() && (bias.rank() != 1 || bias.dim(0) != weight.dim(0)))
    reject("pack_linear", "bias " + bias.str() + " for weight " + weight.str());
  if (compute != DType::kF32 && compute != DType::kBF16) reject("pack_linear", "compute type");
  if (geglu && weight.dim(0) % 2 != 0) reject("pack_linear", "a gated product of odd width " + weight.str());
  return cpu::dnnl_pack_linear(weight, bias, compute, geglu);
}

Tensor linear(const Tensor& x, const PackedLinear& w, const LinearArgs& args) {
  check_float("linear", x);
  if (x.rank() < 1 || x.dim(-1) != w.in_features || x.dtype() != w.compute || (x.dim(-1) > 1 && x.stride(-1) != 1))
    reject("linear", "input " + x.str() + " for a product of " + std::to_string(w.in_features) + " features");
  const int64_t lead = row_stride(x), rows = x.numel() / std::max<int64_t>(1, x.dim(-1));
  if (lead < 0) reject("linear", "rows of " + x.str() + " at no constant stride");
  Shape shape = x.shape();
  shape[-1] = w.geglu ? w.out_features / 2 : w.out_features;
  const DType type = args.f32_out ? DType::kF32 : w.compute;
  Tensor residual = args.residual;
  if (residual.defined()) {
    if (!(residual.shape() == shape) || residual.dtype() != type)
      reject("linear", "residual " + residual.str() + " beside output " + shape.str());
    residual = contiguous(residual);
  }
  Tensor out(shape, type);
  if (out.numel() == 0) return out;
  const void* add = residual.defined() ? residual.raw() : nullptr;
  if (!w.geglu) {
    cpu::dnnl_linear(x.raw(), rows, lead, w, out.raw(), args.activation, args.scale, add, type);
    return out;
  }
  if (add || args.f32_out || args.activation != Activation::kNone || args.scale != 1.0f)
    reject("linear", "a gated product takes no other post-operation");
  Tensor both({rows, w.out_features}, w.compute);
  cpu::dnnl_linear(x.raw(), rows, lead, w, both.raw(), Activation::kNone, 1.0f, nullptr, w.compute);
  with_type(w.compute, [&]<class T>(T) { gate(both.data<T>(), out.data<T>(), rows, shape[-1]); });
  return out;
}

}  // namespace easel::ops
