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
    // A causal mask leaves half of the products; the kernel computes whole blocks, but only that half is counted.
    const uint64_t flops = 4 * static_cast<uint64_t>(n * tq * tk * q.dim(2)) / (args.causal ? 2 : 1);
    count.add(flops, flops, 2 * q.nbytes() + k.nbytes() + v.nbytes());
  }
  backend.attention(q, k, v, heads, call, out);
  return out;
}

Tensor attention_received(const Tensor& q, const Tensor& k, int64_t heads) {
  for (const Tensor* t : {&q, &k}) {
    check_float("attention_received", *t);
    if (t->rank() != 3 || t->dtype() != q.dtype() || t->dim(2) != q.dim(2) || t->dim(0) != q.dim(0) ||
        (t->dim(2) > 1 && t->stride(2) != 1))
      reject("attention_received", q.str() + ", " + k.str());
  }
  if (heads < 1 || q.dim(2) % heads != 0 || q.numel() == 0 || k.dim(1) < 1)
    reject("attention_received", q.str() + ", " + k.str() + " for " + std::to_string(heads) + " heads");
  const Backend& backend = backend_of("attention_received", q, k);
  Tensor out({k.dim(0), k.dim(1)}, DType::kF32, q.device());
  CountOp count(OpKind::kAttention);
  const auto flops = 2 * static_cast<uint64_t>(q.dim(0) * q.dim(1) * k.dim(1) * q.dim(2));
  count.add(flops, flops, q.nbytes() + k.nbytes() + out.nbytes());
  const int64_t width = q.dim(2) / heads;
  backend.attention_received(q, k, heads, 1.0f / std::sqrt(static_cast<float>(width)), out);
  return out;
}

}  // namespace easel::ops
