// Operators that give whole numbers: shapes, constants, ranges, truth values.
#include <algorithm>

#include "base/error.h"
#include "models/onnx/operator.h"
#include "ops/arithmetic/reduce.h"

namespace easel::models::onnx {
namespace {

Run shape(Node& node) {
  const int64_t start = node.integer("start", 0);
  const bool has_end = node.has("end");
  const int64_t end = node.integer("end", 0);
  return [=](const Inputs& in) -> Outputs {
    const Shape& of = in.any(0).shape();
    const int64_t rank = of.rank();
    const auto place = [&](int64_t v) { return std::clamp<int64_t>(v < 0 ? v + rank : v, 0, rank); };
    Whole out;
    for (int64_t d = place(start); d < (has_end ? place(end) : rank); ++d)
      out.values.push_back(of[static_cast<int>(d)]);
    out.shape = {static_cast<int64_t>(out.values.size())};
    return {std::move(out)};
  };
}

Run constant(Node& node) {
  using Kind = formats::OnnxAttribute::Kind;
  Value out;
  if (const auto* tensor = node.raw("value"); tensor && tensor->kind == Kind::kTensor)
    out = value_of(tensor->tensor, node.packer().device());
  else if (const auto* number = node.raw("value_float"); number && number->kind == Kind::kNumber)
    out = Tensor::of({}, {number->number}).to(node.packer().device());
  else if (const auto* numbers = node.raw("value_floats"); numbers && numbers->kind == Kind::kNumbers)
    out = Tensor::of({static_cast<int64_t>(numbers->numbers.size())}, numbers->numbers).to(node.packer().device());
  else if (const auto* whole = node.raw("value_int"); whole && whole->kind == Kind::kInteger)
    out = Whole{{}, {whole->integer}};
  else if (const auto* wholes = node.raw("value_ints"); wholes && wholes->kind == Kind::kIntegers)
    out = Whole{{static_cast<int64_t>(wholes->integers.size())}, wholes->integers};
  else node.refuse("its value is of another kind");
  return [out](const Inputs&) -> Outputs { return {out}; };
}

Run constant_of_shape(Node& node) {
  const Device device = node.packer().device();
  Value one = Tensor::of({1}, {0.0f});
  if (const auto* given = node.raw("value")) {
    if (!given->tensor.defined() || given->tensor.numel() != 1) throw Error(Fault::kBadFile, "a value that is not one");
    one = value_of(given->tensor, kHost);
  }
  const float number = one.is_whole ? 0.0f : ops::item(one.floats);
  return [=](const Inputs& in) -> Outputs {
    const std::vector<int64_t>& sizes = in.whole(0).values;
    if (sizes.size() > static_cast<size_t>(Shape::kMaxRank))
      throw Error(Fault::kUnsupported, "a value of more than six dimensions");
    const Shape shape{std::span<const int64_t>(sizes)};
    if (!one.is_whole) return {Tensor::full(checked_size(shape), number).to(device)};
    checked_size(shape, kMostWhole);
    return {Whole{shape, std::vector<int64_t>(static_cast<size_t>(shape.numel()), one.whole.values[0])}};
  };
}

Run range(Node&) {
  return [](const Inputs& in) -> Outputs {
    int64_t ends[3];
    for (size_t i = 0; i < 3; ++i) {
      if (in.whole(i).values.size() != 1) throw Error(Fault::kBadFile, "a range whose ends are not one number each");
      ends[i] = in.whole(i).values[0];
      if (ends[i] < -kMostWhole || ends[i] > kMostWhole) throw Error(Fault::kBadFile, "a range that is too long");
    }
    if (ends[2] == 0) throw Error(Fault::kBadFile, "a range with a step of 0");
    Whole out;
    for (int64_t v = ends[0]; ends[2] > 0 ? v < ends[1] : v > ends[1]; v += ends[2]) out.values.push_back(v);
    out.shape = {static_cast<int64_t>(out.values.size())};
    return {std::move(out)};
  };
}

Run negation(Node&) {
  return [](const Inputs& in) -> Outputs {
    Whole out = in.whole(0);
    for (int64_t& v : out.values) v = v == 0;
    return {std::move(out)};
  };
}

Run conjunction(Node&) {
  return [](const Inputs& in) -> Outputs {
    return {joined(in.whole(0), in.whole(1), [](int64_t a, int64_t b) { return int64_t{a != 0 && b != 0}; })};
  };
}

Run disjunction(Node&) {
  return [](const Inputs& in) -> Outputs {
    return {joined(in.whole(0), in.whole(1), [](int64_t a, int64_t b) { return int64_t{a != 0 || b != 0}; })};
  };
}

constexpr Operator kOperators[] = {
    {"And", conjunction}, {"Constant", constant}, {"ConstantOfShape", constant_of_shape},
    {"Not", negation},    {"Or", disjunction},    {"Range", range},
    {"Shape", shape},
};

}  // namespace

std::span<const Operator> whole_operators() { return kOperators; }

}  // namespace easel::models::onnx
