#include "ops/arithmetic/formula.h"

#include "ops/check.h"
#include "ops/counters.h"

namespace easel::ops {
namespace {

// Evaluates into `out`, which is written only after all inputs are found to fit.
void run(const Formula& formula, std::initializer_list<const Tensor*> inputs, Tensor& out) {
  const Backend& computes = backend(out.device());
  CountOp count(OpKind::kPointwise);
  std::array<Tensor, Formula::kMostInputs> expanded;
  size_t i = 0, bytes = out.nbytes();
  for (const Tensor* input : inputs) {
    if (input->device() != out.device())
      reject("formula", "inputs on " + device_name(out.device()) + " and " + device_name(input->device()));
    if (formula.uses(static_cast<int>(i))) {
      bytes += input->nbytes();
      expanded[i] = input->expand(out.shape());
    }
    ++i;
  }
  if (out.numel() == 0) return;
  computes.evaluate(formula, {expanded.data(), i}, out);
  count.add(0, 0, bytes);
}

}  // namespace

bool Formula::uses(int input) const {
  if (result_ == input) return true;
  for (const Step& step : steps()) {
    if (step.op == Op::kConstant) continue;
    const bool one = step.op == Op::kSqrt || step.op == Op::kRound || step.op == Op::kExp || step.op == Op::kLog;
    const bool two = !one, three = step.op == Op::kSelect;
    if (step.a == input || (two && step.b == input) || (three && step.c == input)) return true;
  }
  return false;
}

uint8_t Formula::append(const Step& step) {
  if (count_ == kMostSteps) reject("formula", "more than " + std::to_string(kMostSteps) + " steps");
  steps_[static_cast<size_t>(count_)] = step;
  return static_cast<uint8_t>(inputs_ + count_++);
}

namespace detail {

Term record(Formula::Op op, Term a) { return {a.formula, a.formula->append({.op = op, .a = a.place})}; }

Term record(Formula::Op op, const Operand& a, const Operand& b) {
  Formula& formula = a.formula() ? *a.formula() : *b.formula();
  const uint8_t left = a.in(formula), right = b.in(formula);
  return {&formula, formula.append({.op = op, .a = left, .b = right})};
}

Term record(Formula::Op op, const Operand& a, const Operand& b, const Operand& c) {
  Formula& formula = a.formula() ? *a.formula() : b.formula() ? *b.formula() : *c.formula();
  const uint8_t of_a = a.in(formula), of_b = b.in(formula), of_c = c.in(formula);
  return {&formula, formula.append({.op = op, .a = of_a, .b = of_b, .c = of_c})};
}

}  // namespace detail

Tensor evaluate(const Formula& formula, std::initializer_list<const Tensor*> inputs) {
  const Tensor& first = **inputs.begin();
  check_float("formula", first);
  Shape shape = first.shape();
  for (const Tensor* input : inputs) {
    check_float("formula", *input);
    bool fits = input->rank() == shape.rank();
    for (int d = 0; fits && d < shape.rank(); ++d) {
      fits = input->dim(d) == shape[d] || input->dim(d) == 1 || shape[d] == 1;
      if (fits && shape[d] == 1) shape[d] = input->dim(d);
    }
    if (!fits) reject("formula", input->str() + " with " + first.str());
  }
  Tensor out(shape, first.dtype(), first.device());
  run(formula, inputs, out);
  return out;
}

void evaluate_into(Tensor& out, const Formula& formula, std::initializer_list<const Tensor*> inputs) {
  for (const Tensor* input : inputs) {
    check_float("formula", *input);
    bool fits = input->rank() == out.rank();
    for (int d = 0; fits && d < out.rank(); ++d) fits = input->dim(d) == out.dim(d) || input->dim(d) == 1;
    if (!fits) reject("formula", input->str() + " for " + out.str());
  }
  for (int d = 0; d < out.rank(); ++d)
    if (out.dim(d) > 1 && out.stride(d) == 0) reject("formula", out.str() + " is repeated, so it cannot be written");
  run(formula, inputs, out);
}

}  // namespace easel::ops
