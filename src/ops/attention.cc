#include "ops/attention.h"

#include <algorithm>
#include <cmath>

#include "ops/check.h"
#include "ops/counters.h"
#include "ops/cpu/attention.h"

namespace easel::ops {
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, int64_t heads, const AttentionArgs& args) {
  for (const Tensor* t : {&q, &k, &v}) {
    check_float("attention", *t);
    if (t->rank() != 3 || t->dtype() != q.dtype() || t->dim(2) != q.dim(2) || (t->dim(2) > 1 && t->stride(2) != 1))
      reject("attention", q.str() + ", " + k.str() + ", " + v.str());
  }
  if (heads < 1 || q.dim(2) % heads != 0 || !(k.shape() == v.shape()) || (k.dim(0) != q.dim(0) && k.dim(0) != 1))
    reject("attention", q.str() + ", " + k.str() + ", " + v.str() + " for " + std::to_string(heads) + " heads");
  if (k.dim(1) < 1) reject("attention", "no keys");
  const int64_t width = q.dim(2) / heads, n = q.dim(0), tq = q.dim(1), tk = k.dim(1);
  if (q.dtype() == DType::kBF16 && width % 2 != 0) {  // the kernels take bf16 in pairs
    const Tensor wide =
        attention(convert(q, DType::kF32), convert(k, DType::kF32), convert(v, DType::kF32), heads, args);
    return convert(wide, DType::kBF16);
  }
  Tensor out(q.shape(), q.dtype()), bias;
  if (out.numel() == 0) return out;
  const float scale = args.scale == 0.0f ? 1.0f / std::sqrt(static_cast<float>(width)) : args.scale;
  cpu::AttentionCall call{q, k, v, out, heads, width, scale, args.causal, nullptr, 0, 0};
  if (args.bias.defined()) {
    const Shape one{tq, tk}, sample{n, tq, tk}, head{n * heads, tq, tk};
    const Shape& s = args.bias.shape();
    if (args.bias.dtype() != DType::kF32 || !(s == one || s == sample || s == head))
      reject("attention", "bias " + args.bias.str() + " for " + q.str() + " and " + k.str());
    bias = contiguous(args.bias);
    call.bias = bias.f32();
    call.bias_sample = s == one ? 0 : s == sample ? tq * tk : heads * tq * tk;
    call.bias_head = s == head && !(s == sample) ? tq * tk : 0;
  }
  CountOp count(OpKind::kAttention);
  if (count.on()) {
    // Of a causal one the half that counts; its blocks are computed whole.
    const uint64_t flops = 4 * static_cast<uint64_t>(n * tq * tk * q.dim(2)) / (args.causal ? 2 : 1);
    count.add(flops, flops, 2 * q.nbytes() + k.nbytes() + v.nbytes());
  }
  cpu::attention(call);
  return out;
}

}  // namespace easel::ops
