// Operators that work element by element.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>

#include "base/error.h"
#include "models/onnx/operator.h"
#include "ops/arithmetic/formula.h"
#include "ops/arithmetic/reduce.h"
#include "ops/elementwise.h"

namespace easel::models::onnx {
namespace {

// f of a map as it lies.
template <class F>
Tensor of_map(const Tensor& x, const F& f) {
  return lies_channels_last(x) ? channels_first(f(channels_last(x))) : f(x);
}

template <class F>
Tensor unary(const Tensor& x, const F& f) {
  return of_map(x, [&](const Tensor& t) { return ops::map(f, t); });
}

// f of tensors that are repeated to one shape.
template <class F, class... Rest>
Tensor together(const F& f, const Tensor& a, const Rest&... rest) {
  Shape shape = a.shape();
  ((shape = common_shape(shape, rest.shape())), ...);
  const int rank = shape.rank();
  const auto in_rank = [&](const Tensor& t) { return t.rank() == rank ? t : reshaped(t, with_rank(t.shape(), rank)); };
  // The whole result lies as its largest input does.
  const bool last =
      (lies_channels_last(a) && a.shape() == shape) || ((lies_channels_last(rest) && rest.shape() == shape) || ...);
  if (last) return channels_first(ops::map(f, channels_last(in_rank(a)), channels_last(in_rank(rest))...));
  return ops::map(f, in_rank(a), in_rank(rest)...);
}

template <class F>
Run unary_run(const F& f) {
  return [f](const Inputs& in) -> Outputs { return {unary(in.floats(0), f)}; };
}

template <class F, class W>
Run binary_run(const F& f, const W& of_whole) {
  return [f, of_whole](const Inputs& in) -> Outputs {
    if (in.any(0).is_whole) return {joined(in.whole(0), in.whole(1), of_whole)};
    return {together(f, in.floats(0), in.floats(1))};
  };
}

// f of all inputs, two by two.
template <class F, class W>
Run chained_run(const F& f, const W& of_whole) {
  return [f, of_whole](const Inputs& in) -> Outputs {
    Value out = in.any(0);
    for (size_t i = 1; i < in.count(); ++i)
      out =
          out.is_whole ? Value(joined(out.whole, in.whole(i), of_whole)) : Value(together(f, out.floats, in.floats(i)));
    return {out};
  };
}

int64_t divided(int64_t a, int64_t b) {
  if (b == 0 || (b == -1 && a == std::numeric_limits<int64_t>::min()))
    throw Error(Fault::kBadFile, "whole numbers are divided by 0");
  return a / b;
}

// As hardware adds and multiplies: a file's numbers may be anything.
int64_t sum(int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b)); }
int64_t difference(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
int64_t product(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

Run add(Node&) {
  return binary_run([](auto a, auto b) { return a + b; }, sum);
}
Run subtract(Node&) {
  return binary_run([](auto a, auto b) { return a - b; }, difference);
}
Run multiply(Node&) {
  return binary_run([](auto a, auto b) { return a * b; }, product);
}
Run divide(Node&) {
  return binary_run([](auto a, auto b) { return a / b; }, divided);
}
Run least(Node&) {
  return chained_run([](auto a, auto b) { return ops::min(a, b); },
                     [](int64_t a, int64_t b) { return std::min(a, b); });
}
Run largest(Node&) {
  return chained_run([](auto a, auto b) { return ops::max(a, b); },
                     [](int64_t a, int64_t b) { return std::max(a, b); });
}
Run total(Node&) {
  return chained_run([](auto a, auto b) { return a + b; }, sum);
}

Run power(Node& node) {
  const Value* by = node.constant(1);
  if (!by || by->shape().numel() != 1) node.refuse("its exponent is not one constant number");
  const double exponent =
      by->is_whole ? static_cast<double>(by->whole.values[0]) : static_cast<double>(ops::item(by->floats.to(kHost)));
  if (exponent == 2.0) return unary_run([](auto x) { return x * x; });
  if (exponent == 3.0) return unary_run([](auto x) { return x * x * x; });
  if (exponent == 0.5) return unary_run([](auto x) { return ops::sqrt(x); });
  if (exponent == -0.5) return unary_run([](auto x) { return 1.0f / ops::sqrt(x); });
  if (exponent == -1.0) return unary_run([](auto x) { return 1.0f / x; });
  if (exponent == 1.0) return unary_run([](auto x) { return x; });
  node.refuse("its exponent is " + std::to_string(exponent));
}

Run rectified(Node&) {
  return unary_run([](auto x) { return ops::max(x, 0.0f); });
}
Run sigmoid(Node&) {
  return unary_run([](auto x) { return 1.0f / (1.0f + ops::exp(-x)); });
}
Run exponential(Node&) {
  return unary_run([](auto x) { return ops::exp(x); });
}
Run root(Node&) {
  return unary_run([](auto x) { return ops::sqrt(x); });
}
Run reciprocal(Node&) {
  return unary_run([](auto x) { return 1.0f / x; });
}
Run rounded(Node&) {
  return unary_run([](auto x) { return ops::round(x); });
}

template <class F, class W>
Run either_run(const F& f, const W& of_whole) {
  return [f, of_whole](const Inputs& in) -> Outputs {
    if (!in.any(0).is_whole) return {unary(in.floats(0), f)};
    Whole out = in.whole(0);
    for (int64_t& v : out.values) v = of_whole(v);
    return {std::move(out)};
  };
}
Run negated(Node&) {
  return either_run([](auto x) { return -x; }, [](int64_t v) { return difference(0, v); });
}
Run absolute(Node&) {
  return either_run([](auto x) { return ops::abs(x); }, [](int64_t v) { return v < 0 ? difference(0, v) : v; });
}
Run floor(Node&) {
  return either_run(
      [](auto x) {
        const auto near = ops::round(x);
        return near - (near > x);
      },
      [](int64_t v) { return v; });
}
Run ceiling(Node&) {
  return either_run(
      [](auto x) {
        const auto near = ops::round(x);
        return near + (near < x);
      },
      [](int64_t v) { return v; });
}

// Near 0 by its series, where the formula would lose digits: its next term is below f32's rounding there.
template <class T>
auto tanh_of(T x) {
  constexpr float kNear = 0.1f;
  const auto square = x * x;
  const auto series = x * (1.0f - square * (1.0f / 3.0f - square * (2.0f / 15.0f - square * (17.0f / 315.0f))));
  return ops::select(ops::abs(x) < kNear, series, 1.0f - 2.0f / (ops::exp(2.0f * x) + 1.0f));
}
Run hyperbolic(Node&) {
  return unary_run([](auto x) { return tanh_of(x); });
}

// From GELU, of which it is a part: z Phi(z), Phi(z) = (1 + erf(z / sqrt 2)) / 2.
Run error_function(Node&) {
  return [](const Inputs& in) -> Outputs {
    const Tensor z = unary(in.floats(0), [](auto x) { return x * std::numbers::sqrt2_v<float>; });
    const Tensor gelu = of_map(z, [](const Tensor& t) { return ops::activate(t, ops::Activation::kGelu); });
    return {together([](auto v, auto g) { return ops::select(v == 0.0f, 0.0f, 2.0f * g / v - 1.0f); }, z, gelu)};
  };
}

Run gelu(Node& node) {
  const std::string kind = node.text("approximate", "none");
  if (kind == "tanh") {
    return unary_run([](auto x) {
      constexpr float kCubic = 0.044715f;
      const float by = std::sqrt(2.0f / std::numbers::pi_v<float>);
      return 0.5f * x * (1.0f + tanh_of(by * (x + kCubic * x * x * x)));
    });
  }
  if (kind != "none") node.refuse("its approximation is '" + kind + "'");
  return [](const Inputs& in) -> Outputs {
    return {of_map(in.floats(0), [](const Tensor& t) { return ops::activate(t, ops::Activation::kGelu); })};
  };
}

Run leaky(Node& node) {
  const float slope = node.number("alpha", 0.01f);
  return unary_run([slope](auto x) { return ops::select(x < 0.0f, slope * x, x); });
}
Run exponential_linear(Node& node) {
  const float alpha = node.number("alpha", 1.0f);
  return unary_run([alpha](auto x) { return ops::select(x < 0.0f, alpha * (ops::exp(x) - 1.0f), x); });
}
Run learnt_slope(Node&) {
  return [](const Inputs& in) -> Outputs {
    return {
        together([](auto x, auto slope) { return ops::select(x < 0.0f, slope * x, x); }, in.floats(0), in.floats(1))};
  };
}
Run hard_sigmoid(Node& node) {
  const float alpha = node.number("alpha", 0.2f), beta = node.number("beta", 0.5f);
  return unary_run([=](auto x) { return ops::clamp(alpha * x + beta, 0.0f, 1.0f); });
}
Run hard_swish(Node&) {
  return unary_run([](auto x) { return x * ops::clamp(x / 6.0f + 0.5f, 0.0f, 1.0f); });
}

Run clip(Node& node) {
  constexpr int64_t kByInputs = 11;
  std::optional<float> low, high;
  if (node.opset() < kByInputs) {
    low = node.number("min", -std::numeric_limits<float>::max());
    high = node.number("max", std::numeric_limits<float>::max());
  }
  return [low, high](const Inputs& in) -> Outputs {
    if (in.any(0).is_whole) {
      Whole out = in.whole(0);
      if (in.has(1)) out = joined(out, in.whole(1), [](int64_t v, int64_t least) { return std::max(v, least); });
      if (in.has(2)) out = joined(out, in.whole(2), [](int64_t v, int64_t most) { return std::min(v, most); });
      return {std::move(out)};
    }
    Tensor x = in.floats(0);
    if (low && high) return {unary(x, [&](auto v) { return ops::clamp(v, *low, *high); })};
    if (in.has(1)) x = together([](auto v, auto least) { return ops::max(v, least); }, x, in.floats(1));
    if (in.has(2)) x = together([](auto v, auto most) { return ops::min(v, most); }, x, in.floats(2));
    return {x};
  };
}

Run identity(Node& node) {
  node.ignore("ratio");  // of Dropout, which drops nothing after training
  node.ignore("seed");
  return [](const Inputs& in) -> Outputs { return {in.any(0)}; };
}

// The number of ONNX's element type.
Run cast(Node& node) {
  enum {
    kFloat = 1,
    kByte = 2,
    kSmall = 3,
    kShort = 5,
    kInt = 6,
    kLong = 7,
    kBool = 9,
    kHalf = 10,
    kDouble = 11,
    kBrief = 16
  };
  node.ignore("saturate");
  const int64_t to = node.integer("to", 0);
  const bool to_floats = to == kFloat || to == kHalf || to == kDouble || to == kBrief;
  if (!to_floats && to != kByte && to != kSmall && to != kShort && to != kInt && to != kLong && to != kBool)
    node.refuse("it makes values of ONNX's type " + std::to_string(to));
  const Device device = node.packer().device();
  return [=](const Inputs& in) -> Outputs {
    const Value& x = in.any(0);
    if (to_floats) {
      if (!x.is_whole) return {x};
      std::vector<float> values;
      for (const int64_t v : x.whole.values) values.push_back(static_cast<float>(v));
      return {Tensor::of(x.whole.shape, values).to(device)};
    }
    Whole out;
    if (x.is_whole) {
      out = x.whole;
    } else {
      out.shape = checked_size(x.floats.shape(), kMostWhole);
      for (const float v : ops::read(x.floats)) {
        constexpr float kLargest = 9.2e18f;
        if (!(std::abs(v) < kLargest)) throw Error(Fault::kBadFile, "a number too large for a whole one");
        out.values.push_back(to == kBool ? v != 0.0f : static_cast<int64_t>(v));
      }
    }
    for (int64_t& v : out.values)
      v = to == kBool    ? v != 0
          : to == kByte  ? static_cast<uint8_t>(v)
          : to == kSmall ? static_cast<int8_t>(v)
          : to == kShort ? static_cast<int16_t>(v)
          : to == kInt   ? static_cast<int32_t>(v)
                         : v;
    return {std::move(out)};
  };
}

// Truth values of floats, for what decides.
Whole truth(const Tensor& x) {
  Whole out{checked_size(x.shape(), kMostWhole), {}};
  for (const float v : ops::read(x)) out.values.push_back(v != 0.0f);
  return out;
}

template <class F, class W>
Run compared_run(const F& f, const W& of_whole) {
  return [f, of_whole](const Inputs& in) -> Outputs {
    if (in.any(0).is_whole) return {joined(in.whole(0), in.whole(1), of_whole)};
    return {truth(together(f, in.floats(0), in.floats(1)))};
  };
}
Run equal(Node&) {
  return compared_run([](auto a, auto b) { return a == b; }, [](int64_t a, int64_t b) { return int64_t{a == b}; });
}
Run greater(Node&) {
  return compared_run([](auto a, auto b) { return a > b; }, [](int64_t a, int64_t b) { return int64_t{a > b}; });
}
Run less(Node&) {
  return compared_run([](auto a, auto b) { return a < b; }, [](int64_t a, int64_t b) { return int64_t{a < b}; });
}

Run where(Node& node) {
  const Device device = node.packer().device();
  return [device](const Inputs& in) -> Outputs {
    const Whole& condition = in.whole(0);
    if (in.any(1).is_whole) {
      const Whole &yes = in.whole(1), &no = in.whole(2);
      const Shape shape = common_shape(condition.shape, common_shape(yes.shape, no.shape));
      const auto spread = [&](const Whole& w) {
        return joined(w, {shape, std::vector<int64_t>(static_cast<size_t>(checked_size(shape, kMostWhole).numel()))},
                      [](int64_t v, int64_t) { return v; });
      };
      const Whole c = spread(condition), a = spread(yes), b = spread(no);
      Whole out = b;
      for (size_t i = 0; i < out.values.size(); ++i)
        if (c.values[i] != 0) out.values[i] = a.values[i];
      return {std::move(out)};
    }
    std::vector<float> values;
    for (const int64_t v : condition.values) values.push_back(v != 0 ? 1.0f : 0.0f);
    return {together([](auto c, auto a, auto b) { return ops::select(c, a, b); },
                     Tensor::of(condition.shape, values).to(device), in.floats(1), in.floats(2))};
  };
}

constexpr Operator kOperators[] = {
    {"Abs", absolute},
    {"Add", add},
    {"Cast", cast},
    {"Ceil", ceiling},
    {"Clip", clip},
    {"Div", divide},
    {"Dropout", identity},
    {"Elu", exponential_linear},
    {"Equal", equal},
    {"Erf", error_function},
    {"Exp", exponential},
    {"Floor", floor},
    {"Gelu", gelu},
    {"Greater", greater},
    {"HardSigmoid", hard_sigmoid},
    {"HardSwish", hard_swish},
    {"Identity", identity},
    {"LeakyRelu", leaky},
    {"Less", less},
    {"Max", largest},
    {"Min", least},
    {"Mul", multiply},
    {"Neg", negated},
    {"PRelu", learnt_slope},
    {"Pow", power},
    {"Reciprocal", reciprocal},
    {"Relu", rectified},
    {"Round", rounded},
    {"Sigmoid", sigmoid},
    {"Sqrt", root},
    {"Sub", subtract},
    {"Sum", total},
    {"Tanh", hyperbolic},
    {"Where", where},
};

}  // namespace

std::span<const Operator> pointwise_operators() { return kOperators; }

}  // namespace easel::models::onnx
