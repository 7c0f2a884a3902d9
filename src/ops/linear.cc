#include "ops/linear.h"

#include <algorithm>

#include "ops/check.h"
#include "ops/counters.h"
#include "ops/cpu/product/product.h"

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

}  // namespace

PackedLinearPtr pack_linear(const StoredTensor& weight, const StoredTensor& bias, DType compute, bool geglu,
                            const Packer& packer) {
  return pack_linear({&weight, 1}, bias, compute, geglu, packer);
}

PackedLinearPtr pack_linear(std::span<const StoredTensor> weights, const StoredTensor& bias, DType compute, bool geglu,
                            const Packer& packer) {
  if (weights.empty()) reject("pack_linear", "no weight");
  int64_t outputs = 0;
  for (const StoredTensor& weight : weights) {
    if (!weight.defined() || weight.rank() != 2 || !weight.is_float()) reject("pack_linear", "weight " + weight.str());
    if (weight.dim(1) != weights[0].dim(1))
      reject("pack_linear", "weight " + weight.str() + " beside " + weights[0].str());
    outputs += weight.dim(0);
  }
  if (bias.defined() && (bias.rank() != 1 || bias.dim(0) != outputs))
    reject("pack_linear", "bias " + bias.str() + " for " + std::to_string(outputs) + " outputs");
  if (compute != DType::kF32 && compute != DType::kBF16 && compute != DType::kI8) reject("pack_linear", "compute type");
  if (geglu && outputs % 2 != 0) reject("pack_linear", "a gated product of odd width " + weights[0].str());
  PackedLinearPtr packed = cpu::make_linear(weights, bias, compute, geglu, packer);
  drop_read(weights, bias, packer);
  return packed;
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
  if (w.geglu && (add || args.activation != Activation::kNone || args.scale != 1.0f))
    reject("linear", "a gated product takes no other post-operation");
  CountOp count(OpKind::kLinear);
  if (count.on()) {
    const uint64_t flops = 2 * static_cast<uint64_t>(rows * w.in_features * w.out_features);
    count.add(flops, flops, x.nbytes() + w.bytes + out.nbytes() + (add ? out.nbytes() : 0));
  }
  static_cast<const cpu::CpuLinear&>(w).run({x.raw(), rows, lead, out.raw(), args.activation, args.scale, type, add});
  return out;
}

}  // namespace easel::ops
