#include "ops/attention.h"

#include <cmath>

#include "ops/check.h"
#include "ops/counters.h"

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
  AttentionArgs call = args;
  if (call.scale == 0.0f) call.scale = 1.0f / std::sqrt(static_cast<float>(width));
  if (call.bias.defined()) {
    const Shape one{tq, tk}, sample{n, tq, tk}, head{n * heads, tq, tk};
    const Shape& s = call.bias.shape();
    if (call.bias.dtype() != DType::kF32 || !(s == one || s == sample || s == head))
      reject("attention", "bias " + call.bias.str() + " for " + q.str() + " and " + k.str());
    const Tensor sets = contiguous(call.bias);
    const Tensor each = s == one      ? sets.view({1, 1, tq, tk})
                        : s == sample ? sets.view({n, 1, tq, tk})
                                      : sets.view({n, heads, tq, tk});
    call.bias = each.expand({n, heads, tq, tk});
  }
  const Backend& backend = backend_of("attention", q, k, v, call.bias);
  Tensor out(q.shape(), q.dtype(), q.device());
  if (out.numel() == 0) return out;
  CountOp count(OpKind::kAttention);
  if (count.on()) {
    // Of a causal one the half that counts; its blocks are computed whole.
    const uint64_t flops = 4 * static_cast<uint64_t>(n * tq * tk * q.dim(2)) / (args.causal ? 2 : 1);
    count.add(flops, flops, 2 * q.nbytes() + k.nbytes() + v.nbytes());
  }
  backend.attention(q, k, v, heads, call, out);
  return out;
}

}  // namespace easel::ops
