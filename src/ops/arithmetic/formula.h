// Arithmetic on whole tensors, written as the formula of one element:
//
//   x = ops::map([=](auto v, auto d) { return v + (v - d) / sigma * dt; }, x, denoised);
//
// The function is called once, with terms that only record what is done with them. The record is a Formula, which the
// backend of the tensors carries out for every element, each step in f32 (the reference in f64).
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <utility>

#include "tensor/tensor.h"

namespace easel::ops {

// The steps of a calculation, each of which gives a number from numbers before it. Places count the inputs first, then
// the steps. Of a fixed size, so that arithmetic takes nothing from the heap.
class Formula {
 public:
  // Comparisons give 1 or 0; kSelect gives b where a is not 0, else c; kRound goes to the nearest whole number, halves
  // to the even one; kMin and kMax give a where b does not compare (is not a number).
  enum class Op : uint8_t {
    kConstant,
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kMin,
    kMax,
    kSqrt,
    kRound,
    kExp,
    kLog,
    kGreater,
    kNotLess,
    kEqual,
    kSelect
  };
  struct Step {
    Op op = Op::kConstant;
    uint8_t a = 0, b = 0, c = 0;  // places of what it takes
    float constant = 0;
  };
  static constexpr int kMostInputs = 8, kMostSteps = 40;

  explicit Formula(int inputs) : inputs_(inputs) {}

  int inputs() const { return inputs_; }
  std::span<const Step> steps() const { return {steps_.data(), static_cast<size_t>(count_)}; }
  // The place of the number that the formula gives.
  int result() const { return result_; }
  // Whether the number depends on this input.
  bool uses(int input) const;

  // Appends a step and returns its place. Throws Error(kInternal) when there are kMostSteps already.
  uint8_t append(const Step& step);
  void set_result(int place) { result_ = place; }

 private:
  std::array<Step, kMostSteps> steps_;
  int inputs_ = 0, count_ = 0, result_ = 0;
};

// A number of a formula that is being recorded.
struct Term {
  Formula* formula = nullptr;
  uint8_t place = 0;
};

// A term, or a number that is the same for all elements.
class Operand {
 public:
  Operand(Term term) : term_(term) {}            // NOLINT(google-explicit-constructor)
  Operand(float constant) : value_(constant) {}  // NOLINT(google-explicit-constructor)

  Formula* formula() const { return term_.formula; }
  // Its place in `formula`, to which a constant is added.
  uint8_t in(Formula& formula) const {
    return term_.formula ? term_.place : formula.append({.op = Formula::Op::kConstant, .constant = value_});
  }

 private:
  Term term_;
  float value_ = 0;
};

namespace detail {
Term record(Formula::Op op, Term a);
Term record(Formula::Op op, const Operand& a, const Operand& b);
Term record(Formula::Op op, const Operand& a, const Operand& b, const Operand& c);
}  // namespace detail

inline Term operator+(Operand a, Operand b) { return detail::record(Formula::Op::kAdd, a, b); }
inline Term operator-(Operand a, Operand b) { return detail::record(Formula::Op::kSubtract, a, b); }
inline Term operator*(Operand a, Operand b) { return detail::record(Formula::Op::kMultiply, a, b); }
inline Term operator/(Operand a, Operand b) { return detail::record(Formula::Op::kDivide, a, b); }
inline Term operator-(Term v) { return -1.0f * v; }
inline Term operator>(Operand a, Operand b) { return detail::record(Formula::Op::kGreater, a, b); }
inline Term operator<(Operand a, Operand b) { return detail::record(Formula::Op::kGreater, b, a); }
inline Term operator>=(Operand a, Operand b) { return detail::record(Formula::Op::kNotLess, a, b); }
inline Term operator<=(Operand a, Operand b) { return detail::record(Formula::Op::kNotLess, b, a); }
inline Term operator==(Operand a, Operand b) { return detail::record(Formula::Op::kEqual, a, b); }
inline Term min(Operand a, Operand b) { return detail::record(Formula::Op::kMin, a, b); }
inline Term max(Operand a, Operand b) { return detail::record(Formula::Op::kMax, a, b); }
inline Term clamp(Operand v, Operand low, Operand high) { return min(max(v, low), high); }
inline Term abs(Term v) { return max(v, -1.0f * v); }
inline Term sqrt(Term v) { return detail::record(Formula::Op::kSqrt, v); }
inline Term round(Term v) { return detail::record(Formula::Op::kRound, v); }
inline Term exp(Term v) { return detail::record(Formula::Op::kExp, v); }
inline Term log(Term v) { return detail::record(Formula::Op::kLog, v); }
// `yes` where the condition is not 0, else `no`.
inline Term select(Operand condition, Operand yes, Operand no) {
  return detail::record(Formula::Op::kSelect, condition, yes, no);
}

// What f does with as many terms as there are inputs.
template <int kInputs, class F>
Formula formula_of(const F& f) {
  static_assert(kInputs <= Formula::kMostInputs);
  Formula formula(kInputs);
  const auto call = [&]<size_t... kPlaces>(std::index_sequence<kPlaces...>) {
    return Operand(f(Term{&formula, static_cast<uint8_t>(kPlaces)}...));
  };
  formula.set_result(call(std::make_index_sequence<static_cast<size_t>(kInputs)>()).in(formula));
  return formula;
}

// The formula for every element of f32 or bf16 tensors of one rank, on one device, with any strides. A dimension of
// size 1 is repeated to the size that another input has. The result is fresh and contiguous, and has the type of the
// first input.
Tensor evaluate(const Formula& formula, std::initializer_list<const Tensor*> inputs);
// The same into the memory of `out`, whose shape the inputs have or are repeated to. An input may be `out` itself, but
// not overlap it in another way.
void evaluate_into(Tensor& out, const Formula& formula, std::initializer_list<const Tensor*> inputs);

template <class F, class... Rest>
Tensor map(const F& f, const Tensor& first, const Rest&... rest) {
  return evaluate(formula_of<1 + static_cast<int>(sizeof...(Rest))>(f), {&first, &rest...});
}

// Changes the values of `out`, which may be a part of a larger tensor: f takes each old value, then those of the
// others. Where f does not look at the old value, `out` may be uninitialised.
//   ops::update(sum.slice(1, y, h), [](auto old, auto v, auto w) { return old + v * w; }, part, weights);
template <class F, class... Rest>
void update(Tensor out, const F& f, const Rest&... rest) {
  evaluate_into(out, formula_of<1 + static_cast<int>(sizeof...(Rest))>(f), {&out, &rest...});
}

// The values of `from`, repeated to the shape of `to`, into the memory of `to`.
inline void copy(const Tensor& from, const Tensor& to) {
  update(
      to, [](auto, auto v) { return v; }, from);
}

}  // namespace easel::ops
