#include "ops/linear.h"

#include "ops/check.h"
#include "ops/counters.h"

namespace easel::ops {

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
  PackedLinearPtr packed = backend(packer.device()).pack_linear(weights, bias, compute, geglu, packer);
  drop_packed_pages(weights, bias, packer);
  return packed;
}

Tensor linear(const Tensor& x, const PackedLinear& w, const LinearArgs& args) {
  check_float("linear", x);
  if (x.rank() < 1 || x.dim(-1) != w.in_features || x.dtype() != w.compute || (x.dim(-1) > 1 && x.stride(-1) != 1))
    reject("linear", "input " + x.str() + " for a product of " + std::to_string(w.in_features) + " features");
  const Tensor rows = x.rows();
  if (!rows.defined()) reject("linear", "rows of " + x.str() + " at no constant stride");
  if (w.device != x.device()) reject("linear", "input " + x.str() + " on another device than its weights");
  Shape shape = x.shape();
  shape[-1] = w.geglu ? w.out_features / 2 : w.out_features;
  const DType type = args.f32_out ? DType::kF32 : w.compute;
  LinearArgs call = args;
  if (call.residual.defined()) {
    if (!(call.residual.shape() == shape) || call.residual.dtype() != type)
      reject("linear", "residual " + call.residual.str() + " beside output " + shape.str());
    call.residual = contiguous(call.residual);
  }
  const Backend& backend = backend_of("linear", x, call.residual);
  Tensor out(shape, type, x.device());
  if (out.numel() == 0) return out;
  const bool adds = call.residual.defined();
  if (w.geglu && (adds || args.activation != Activation::kNone || args.scale != 1.0f))
    reject("linear", "a gated product takes no other post-operation");
  CountOp count(OpKind::kLinear);
  if (count.on()) {
    const uint64_t flops = 2 * static_cast<uint64_t>(rows.dim(0) * w.in_features * w.out_features);
    count.add(flops, flops, x.nbytes() + w.bytes + out.nbytes() + (adds ? out.nbytes() : 0));
  }
  backend.linear(rows, w, call, out);
  return out;
}

}  // namespace easel::ops
