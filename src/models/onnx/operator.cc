#include "models/onnx/operator.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/error.h"

namespace easel::models::onnx {

using formats::OnnxAttribute;

const Value& Inputs::any(size_t i) const {
  if (!has(i)) throw Error(Fault::kBadFile, "input " + std::to_string(i) + " is not there");
  return *values_[i];
}

const Tensor& Inputs::floats(size_t i) const {
  const Value& value = any(i);
  if (value.is_whole) throw Error(Fault::kBadFile, "input " + std::to_string(i) + " has whole numbers, not floats");
  return value.floats;
}

const Whole& Inputs::whole(size_t i) const {
  const Value& value = any(i);
  if (!value.is_whole) throw Error(Fault::kBadFile, "input " + std::to_string(i) + " has floats, not whole numbers");
  return value.whole;
}

size_t Node::outputs() const {
  size_t out = 0;
  for (size_t i = 0; i < node_.outputs.size(); ++i)
    if (!node_.outputs[i].empty()) out = i + 1;
  return out;
}

const OnnxAttribute* Node::raw(const std::string& attribute) {
  asked_.insert(attribute);
  const auto found = node_.attributes.find(attribute);
  return found == node_.attributes.end() ? nullptr : &found->second;
}

namespace {

const OnnxAttribute* of_kind(const OnnxAttribute* found, OnnxAttribute::Kind kind, const std::string& name) {
  if (found && found->kind != kind) throw Error(Fault::kBadFile, "attribute '" + name + "' is of another kind");
  return found;
}

}  // namespace

int64_t Node::integer(const std::string& attribute, int64_t absent) {
  const auto* found = of_kind(raw(attribute), OnnxAttribute::Kind::kInteger, attribute);
  return found ? found->integer : absent;
}

float Node::number(const std::string& attribute, float absent) {
  const auto* found = of_kind(raw(attribute), OnnxAttribute::Kind::kNumber, attribute);
  return found ? found->number : absent;
}

std::string Node::text(const std::string& attribute, const std::string& absent) {
  const auto* found = of_kind(raw(attribute), OnnxAttribute::Kind::kText, attribute);
  return found ? found->text : absent;
}

std::vector<int64_t> Node::integers(const std::string& attribute, std::vector<int64_t> absent) {
  const auto* found = of_kind(raw(attribute), OnnxAttribute::Kind::kIntegers, attribute);
  return found ? found->integers : std::move(absent);
}

StoredTensor Node::weights(size_t i) {
  taken_.insert(i);
  if (const StoredTensor* tensor = stored(i)) {
    if (!tensor->is_float()) throw Error(Fault::kBadFile, "input " + std::to_string(i) + " is not of floats");
    return *tensor;
  }
  const Value* value = constant(i);
  if (!value || value->is_whole) throw Error(Fault::kBadFile, "input " + std::to_string(i) + " is not of floats");
  return value->floats.to(kHost);
}

std::vector<int64_t> Node::listed(const std::string& attribute, size_t input) {
  // Each operation keeps its own copy, and many can name one constant.
  constexpr size_t kMost = 64;
  const auto checked = [&](const std::vector<int64_t>& values) {
    if (values.size() > kMost)
      throw Error(Fault::kBadFile, attribute + " of " + std::to_string(values.size()) + " numbers");
    return values;
  };
  if (has(attribute)) return checked(integers(attribute));
  if (!has_input(input)) return {};
  const Value* value = constant(input);
  if (!value) refuse("its " + attribute + " are computed by other operations");
  if (!value->is_whole) throw Error(Fault::kBadFile, attribute + " are not whole numbers");
  return checked(value->whole.values);
}

void Node::refuse(const std::string& what) const {
  throw Error(Fault::kUnsupported, what + ", which Easel does not compute");
}

void Node::refuse_rest(size_t most) const {
  for (const auto& [name, attribute] : node_.attributes)
    if (!asked_.contains(name)) refuse("it has an attribute '" + name + "'");
  if (outputs() > most) refuse("its output " + std::to_string(outputs()) + " is used");
}

const Operator* find_operator(std::string_view name) {
  static const auto kAll = [] {
    std::map<std::string_view, const Operator*> all;
    for (const auto& part :
         {pointwise_operators(), window_operators(), product_operators(), shape_operators(), whole_operators()})
      for (const Operator& op : part) all.emplace(op.name, &op);
    return all;
  }();
  const auto found = kAll.find(name);
  return found == kAll.end() ? nullptr : found->second;
}

Whole joined(const Whole& a, const Whole& b, const std::function<int64_t(int64_t, int64_t)>& f) {
  Whole out{common_shape(a.shape, b.shape), {}};
  checked_size(out.shape, kMostWhole);
  const int rank = out.shape.rank();
  const Shape of_a = with_rank(a.shape, rank), of_b = with_rank(b.shape, rank);
  const auto place = [&](int64_t i, const Shape& shape) {
    int64_t at = 0, step = 1;
    for (int d = rank; d-- > 0;) {
      const int64_t here = i % out.shape[d];
      i /= out.shape[d];
      if (shape[d] != 1) at += here * step;
      step *= shape[d];
    }
    return static_cast<size_t>(at);
  };
  const int64_t count = out.shape.numel();
  out.values.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) out.values.push_back(f(a.values[place(i, of_a)], b.values[place(i, of_b)]));
  return out;
}

}  // namespace easel::models::onnx
