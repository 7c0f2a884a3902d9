#include <algorithm>

#include "ops/reference/backend.h"
#include "ops/reference/memory.h"
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

namespace {

double carried_out(const Formula::Step& step, const Values& values) {
  using Op = Formula::Op;
  const double a = values[step.a], b = values[step.b], c = values[step.c];
  switch (step.op) {
    case Op::kConstant: return static_cast<double>(step.constant);
    case Op::kAdd: return a + b;
    case Op::kSubtract: return a - b;
    case Op::kMultiply: return a * b;
    case Op::kDivide: return a / b;
    case Op::kMin: return b < a ? b : a;
    case Op::kMax: return a < b ? b : a;
    case Op::kSqrt: return std::sqrt(a);
    case Op::kRound: return std::nearbyint(a);
    case Op::kExp: return std::exp(a);
    case Op::kLog: return std::log(a);
    case Op::kGreater: return a > b ? 1.0 : 0.0;
    case Op::kNotLess: return a >= b ? 1.0 : 0.0;
    case Op::kEqual: return a == b ? 1.0 : 0.0;
    case Op::kSelect: return a != 0.0 ? b : c;
  }
  return 0.0;
}

}  // namespace

void ReferenceBackend::evaluate(const Formula& formula, std::span<const Tensor> inputs, Tensor& out) const {
  std::vector<Values> xs;
  for (const Tensor& input : inputs) xs.push_back(read_if_defined(input));
  Values ys(at(out.numel()));
  for (size_t i = 0; i < ys.size(); ++i) {
    Values values;  // by place: of the inputs, then of the steps
    for (const Values& x : xs) values.push_back(x.empty() ? 0.0 : x[i]);
    for (const Formula::Step& step : formula.steps()) values.push_back(carried_out(step, values));
    ys[i] = values[at(formula.result())];
  }
  Tensor dense(out.shape(), out.dtype(), kDevice);
  write(ys, dense);
  scatter(dense, out);
}

void ReferenceBackend::reduce(const Tensor& x, Reduction how, Tensor& out) const {
  const int64_t count = x.dim(1), inner = x.dim(2);
  const Values xs = read(x);
  Values ys;
  for (int64_t i = 0; i < x.dim(0) * inner; ++i) {
    Values column;
    for (int64_t r = 0; r < count; ++r) column.push_back(xs[at((i / inner * count + r) * inner + i % inner)]);
    double sum = 0.0;
    for (const double v : column) sum += v;
    switch (how) {
      case Reduction::kSum: ys.push_back(sum); break;
      case Reduction::kMean: ys.push_back(sum / static_cast<double>(count)); break;
      case Reduction::kMin: ys.push_back(*std::min_element(column.begin(), column.end())); break;
      case Reduction::kMax: ys.push_back(*std::max_element(column.begin(), column.end())); break;
    }
  }
  write(ys, out);
}

}  // namespace easel::ops::reference
