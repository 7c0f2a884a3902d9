#include "ops/reference/backend.h"
#include "ops/reference/values.h"

namespace easel::ops::reference {
namespace {

// out = compute(x) for each element, and compute(a, b) for each pair.
template <class Compute>
void each(const Tensor& x, Tensor& out, const Compute& compute) {
  Values xs = read(x);
  for (double& v : xs) v = compute(v);
  write(xs, out);
}

template <class Compute>
void each(const Tensor& a, const Tensor& b, Tensor& out, const Compute& compute) {
  Values as = read(a);
  const Values bs = read(b);
  for (size_t i = 0; i < as.size(); ++i) as[i] = compute(as[i], bs[i]);
  write(as, out);
}

}  // namespace

void ReferenceBackend::activate(const Tensor& x, Activation activation, Tensor& out) const {
  each(x, out, [&](double v) { return activated(v, activation); });
}

void ReferenceBackend::affine(const Tensor& x, float scale, float shift, Tensor& out) const {
  each(x, out, [&](double v) { return v * static_cast<double>(scale) + static_cast<double>(shift); });
}

void ReferenceBackend::add(const Tensor& a, const Tensor& b, float scale, Tensor& out) const {
  each(a, b, out, [&](double x, double y) { return x + static_cast<double>(scale) * y; });
}

void ReferenceBackend::mul(const Tensor& a, const Tensor& b, Tensor& out) const {
  each(a, b, out, [](double x, double y) { return x * y; });
}

void ReferenceBackend::lerp(const Tensor& a, const Tensor& b, float t, Tensor& out) const {
  each(a, b, out, [&](double x, double y) { return x + (y - x) * static_cast<double>(t); });
}

}  // namespace easel::ops::reference
