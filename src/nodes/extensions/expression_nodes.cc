// Nodes that calculate what is written in them: Math Expression of ComfyUI-Custom-Scripts
// (github.com/pythongosssss/ComfyUI-Custom-Scripts) and Simple Math of ComfyUI_essentials
// (github.com/cubiq/ComfyUI_essentials).
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "node_api/table.h"
#include "nodes/common/python/expression.h"
#include "nodes/common/python/python_values.h"
#include "nodes/common/sizes.h"

namespace easel::nodes {
namespace {

struct Expression {
  std::string text;
  MaybeLinked<Anything> a, b, c;
  // Null for another name.
  const MaybeLinked<Anything>* input(std::string_view name) const {
    return name == "a" ? &a : name == "b" ? &b : name == "c" ? &c : nullptr;
  }
};

[[noreturn]] void fail(const std::string& what, const char* input) {
  throw Error(Fault::kInvalid, what).at_input(input);
}

std::optional<PythonNumber> number_in(const Value& value) {
  if (const auto* v = value.get<int64_t>()) return *v;
  if (const auto* v = value.get<double>()) return *v;
  if (const auto* v = value.get<bool>()) return int64_t{*v};
  return std::nullopt;
}

PythonNumber extreme(std::span<const PythonNumber> numbers, bool largest) {
  const auto less = [](const PythonNumber& a, const PythonNumber& b) { return as_real(a) < as_real(b); };
  return largest ? *std::max_element(numbers.begin(), numbers.end(), less)
                 : *std::min_element(numbers.begin(), numbers.end(), less);
}

void require_count(const std::string& name, size_t given, size_t least, size_t most, const char* input) {
  if (given < least || given > most)
    fail(name + "() takes " + std::to_string(least) +
             (most == least      ? ""
              : most == SIZE_MAX ? " or more"
                                 : " to " + std::to_string(most)) +
             " values",
         input);
}

// The functions that both nodes have; nothing for another name.
std::optional<PythonNumber> common_call(const std::string& name, std::span<const PythonNumber> given,
                                        const char* input) {
  if (name == "min" || name == "max") {
    require_count(name, given.size(), 2, SIZE_MAX, input);
    return extreme(given, name == "max");
  }
  if (name != "round") return std::nullopt;
  require_count(name, given.size(), 1, 2, input);
  return given.size() == 1 ? rounded(given[0])
                           : rounded(given[0], static_cast<int>(std::clamp<int64_t>(as_whole(given[1]), 0, 20)));
}

// --- Math Expression ---

// a, b and c: numbers, or the sides of pictures and of the pictures of latents.
PythonNumber value_of_name(const Expression& in, const std::string& name, const std::string& attribute) {
  const MaybeLinked<Anything>* input = in.input(name);
  if (!input)
    fail(attribute.empty() ? "there is no '" + name + "'"
                           : "values of other nodes, such as " + name + "." + attribute + ", are not there",
         "expression");
  if (!*input) fail("nothing is linked to '" + name + "'", "expression");
  const Value& value = input->value();
  if (attribute.empty()) {
    if (const auto number = number_in(value)) return *number;
    fail("a " + value.type() + " is no number; of pictures and latents there are " + name + ".width and " + name +
             ".height",
         "expression");
  }
  if (attribute != "width" && attribute != "height") fail("there is no " + name + "." + attribute, "expression");
  const int dimension = attribute == "width" ? 2 : 1;
  if (const auto* latent = value.get<Latent>()) return latent->samples.dim(dimension) * kSideStep;
  const auto* picture = value.get<Tensor>();
  if (!picture || picture->rank() != 4) fail("a " + value.type() + " has no " + attribute, "expression");
  return picture->dim(dimension);
}

PythonNumber called(const std::string& name, std::span<const PythonNumber> given) {
  const auto count = [&](size_t exactly) { require_count(name, given.size(), exactly, exactly, "expression"); };
  if (const auto common = common_call(name, given, "expression")) return *common;
  if (name == "ceil" || name == "floor") {
    count(1);
    const double value = as_real(given[0]);
    return as_whole(name == "ceil" ? std::ceil(value) : std::floor(value));
  }
  if (name == "sqrt") {
    count(1);
    if (as_real(given[0]) < 0) fail("a number below 0 has no root", "expression");
    return std::sqrt(as_real(given[0]));
  }
  if (name == "int") {
    count(1);
    return as_whole(given[0]);
  }
  if (name == "iif") {
    count(3);
    return as_real(given[0]) != 0 ? given[1] : given[2];
  }
  if (name == "randomint" || name == "randomchoice")
    fail(name + "() draws anew each time, and is not there", "expression");
  fail("there is no function '" + name + "'", "expression");
}

Results<int64_t, double> math_expression(const Expression& in) {
  ExpressionRules rules;
  rules.value = [&](const std::string& name, const std::string& attribute) {
    return value_of_name(in, name, attribute);
  };
  rules.call = called;
  rules.bits = true;
  const PythonNumber out = evaluate(in.text, rules);
  return {as_whole(out), as_real(out)};
}

// --- Simple Math ---

PythonNumber simple_value(const Expression& in, const std::string& name, const std::string& attribute) {
  const MaybeLinked<Anything>* input = in.input(name);
  if (!attribute.empty() || (!input && name != "d")) fail("there is no '" + name + "'", "value");
  if (!input || !*input) return 0.0;
  const Value& value = input->value();
  if (const auto number = number_in(value)) return *number;
  if (const auto* text = value.get<std::string>())
    if (const auto number = number_of<double>(*text)) return *number;
  fail("a " + value.type() + " is no number; sizes of pictures are not there", name.c_str());
}

PythonNumber simply_called(const std::string& name, std::span<const PythonNumber> given) {
  if (const auto common = common_call(name, given, "value")) return *common;
  fail("there is no function '" + name + "' for numbers", "value");
}

Results<int64_t, double> simple_math(const Expression& in) {
  ExpressionRules rules;
  rules.value = [&](const std::string& name, const std::string& attribute) {
    return simple_value(in, name, attribute);
  };
  rules.call = simply_called;
  rules.truth_as_number = false;
  rules.input = "value";
  const PythonNumber out = evaluate(in.text, rules);
  return {as_whole(rounded(out)), as_real(out)};
}

}  // namespace

void register_expression_nodes(Table& table) {
  table.add(NodeOf<Expression>{
      .name = "MathExpression|pysssss",
      .display = "Math Expression",
      .category = "utils",
      .description = "Calculates an expression of a, b and c: a * 2, max(a, b), a.width of a picture.",
      .origin = "pysssss",
      .inputs = {Text("expression", &Expression::text).multiline(), Link("a", &Expression::a),
                 Link("b", &Expression::b), Link("c", &Expression::c)},
      .output_node = true,
      .run = math_expression});
  table.add(
      NodeOf<Expression>{.name = "SimpleMath+",
                         .display = "Simple Math",
                         .category = "essentials/utilities",
                         .description = "Calculates an expression of a, b and c, which are 0 where nothing is linked.",
                         .origin = "essentials",
                         .inputs = {Text("value", &Expression::text), Link("a", &Expression::a),
                                    Link("b", &Expression::b), Link("c", &Expression::c)},
                         .run = simple_math});
}

}  // namespace easel::nodes
