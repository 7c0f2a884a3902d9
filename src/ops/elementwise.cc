#include "ops/elementwise.h"

#include "ops/check.h"
#include "ops/counters.h"

namespace easel::ops {
namespace {

// Counts a call that reads x, and computes an output of its shape and type.
template <class Compute>
Tensor map(const char* op, const Tensor& x, const Compute& compute) {
  check_float(op, x);
  const Backend& backend = backend_of(op, x);
  CountOp count(OpKind::kPointwise);
  Tensor out(x.shape(), x.dtype(), x.device());
  if (out.numel() == 0) return out;
  count.add(0, 0, 2 * x.nbytes());
  compute(backend, out);
  return out;
}

// The same for two inputs; b is broadcast to the shape of a.
template <class Compute>
Tensor zip(const char* op, const Tensor& a, const Tensor& b, const Compute& compute) {
  check_float(op, a);
  check_float(op, b);
  bool fits = a.rank() == b.rank() && a.dtype() == b.dtype();
  for (int d = 0; fits && d < a.rank(); ++d) fits = b.dim(d) == a.dim(d) || b.dim(d) == 1;
  if (!fits) reject(op, a.str() + " with " + b.str());
  const Backend& backend = backend_of(op, a, b);
  CountOp count(OpKind::kPointwise);
  Tensor out(a.shape(), a.dtype(), a.device());
  if (out.numel() == 0) return out;
  count.add(0, 0, a.nbytes() + b.nbytes() + out.nbytes());
  compute(backend, b.expand(a.shape()), out);
  return out;
}

}  // namespace

Tensor activate(const Tensor& x, Activation activation) {
  if (activation == Activation::kNone) return x;
  return map("activate", x, [&](const Backend& backend, Tensor& out) { backend.activate(x, activation, out); });
}

Tensor affine(const Tensor& x, float scale, float shift) {
  return map("affine", x, [&](const Backend& backend, Tensor& out) { backend.affine(x, scale, shift, out); });
}

Tensor add(const Tensor& a, const Tensor& b, float scale) {
  return zip("add", a, b,
             [&](const Backend& backend, const Tensor& other, Tensor& out) { backend.add(a, other, scale, out); });
}

Tensor mul(const Tensor& a, const Tensor& b) {
  return zip("mul", a, b,
             [&](const Backend& backend, const Tensor& other, Tensor& out) { backend.mul(a, other, out); });
}

Tensor lerp(const Tensor& a, const Tensor& b, float t) {
  return zip("lerp", a, b,
             [&](const Backend& backend, const Tensor& other, Tensor& out) { backend.lerp(a, other, t, out); });
}

}  // namespace easel::ops
