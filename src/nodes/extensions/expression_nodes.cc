// Nodes that calculate what is written in them: Math Expression of ComfyUI-Custom-Scripts
// (github.com/pythongosssss/ComfyUI-Custom-Scripts) and Simple Math of ComfyUI_essentials
// (github.com/cubiq/ComfyUI_essentials).
#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "node_api/table.h"
#include "nodes/common/composed.h"
#include "nodes/common/python/expression.h"
#include "nodes/common/sizes.h"

namespace easel::nodes {
namespace {

struct Expression {
  std::string text;
};

[[noreturn]] void fail(const std::string& what, const char* input) {
  throw Error(Fault::kInvalid, what).at_input(input);
}

// An input of any type, which is asked of the call.
Input<Expression> anything(const char* name) {
  Input<Expression> out(name, "*", In::Member::kNone, &blank<Expression>());
  out.set_known_when_checked(false);
  return std::move(out).optional();
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

// --- Math Expression ---

// a, b and c: numbers, or the sides of pictures and of the pictures of latents.
PythonNumber value_of_name(const Call& call, const std::string& name, const std::string& attribute) {
  const bool input = name == "a" || name == "b" || name == "c";
  const Value* value = input ? call.linked(name) : nullptr;
  if (!input)
    fail(attribute.empty() ? "there is no '" + name + "'"
                           : "values of other nodes, such as " + name + "." + attribute + ", are not there",
         "expression");
  if (!value || value->empty()) fail("nothing is linked to '" + name + "'", "expression");
  if (attribute.empty()) {
    if (const auto number = number_in(*value)) return *number;
    fail("a " + value->type() + " is no number; of pictures and latents there are " + name + ".width and " + name +
             ".height",
         "expression");
  }
  if (attribute != "width" && attribute != "height") fail("there is no " + name + "." + attribute, "expression");
  const int dimension = attribute == "width" ? 2 : 1;
  if (const auto* latent = value->get<Latent>()) return latent->samples.dim(dimension) * kSideStep;
  const auto* picture = value->get<Tensor>();
  if (!picture || picture->rank() != 4) fail("a " + value->type() + " has no " + attribute, "expression");
  return picture->dim(dimension);
}

PythonNumber called(const std::string& name, std::span<const PythonNumber> given) {
  const auto count = [&](size_t least, size_t most) { require_count(name, given.size(), least, most, "expression"); };
  if (name == "round") {
    count(1, 2);
    return given.size() == 1 ? rounded(given[0])
                             : rounded(given[0], static_cast<int>(std::clamp<int64_t>(as_whole(given[1]), 0, 20)));
  }
  if (name == "ceil" || name == "floor") {
    count(1, 1);
    const double value = as_real(given[0]);
    return as_whole(name == "ceil" ? std::ceil(value) : std::floor(value));
  }
  if (name == "min" || name == "max") {
    count(2, SIZE_MAX);
    return extreme(given, name == "max");
  }
  if (name == "sqrt") {
    count(1, 1);
    if (as_real(given[0]) < 0) fail("a number below 0 has no root", "expression");
    return std::sqrt(as_real(given[0]));
  }
  if (name == "int") {
    count(1, 1);
    return as_whole(given[0]);
  }
  if (name == "iif") {
    count(3, 3);
    return as_real(given[0]) != 0 ? given[1] : given[2];
  }
  if (name == "randomint" || name == "randomchoice")
    fail(name + "() draws anew each time, and is not there", "expression");
  fail("there is no function '" + name + "'", "expression");
}

Results<int64_t, double> math_expression(const Expression& in, Call& call) {
  ExpressionRules rules;
  rules.value = [&](const std::string& name, const std::string& attribute) {
    return value_of_name(call, name, attribute);
  };
  rules.call = called;
  rules.bits = true;
  const PythonNumber out = evaluate(in.text, rules);
  return {as_whole(out), as_real(out)};
}

// --- Simple Math ---

PythonNumber simple_value(const Call& call, const std::string& name, const std::string& attribute) {
  if (!attribute.empty() || (name != "a" && name != "b" && name != "c" && name != "d"))
    fail("there is no '" + name + "'", "value");
  const Value* value = name == "d" ? nullptr : call.linked(name);
  if (!value || value->empty()) return 0.0;
  if (const auto number = number_in(*value)) return *number;
  if (const auto* text = value->get<std::string>()) {
    double number = 0;
    const auto [at, fault] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (fault == std::errc() && at == text->data() + text->size()) return number;
  }
  fail("a " + value->type() + " is no number; sizes of pictures are not there", name.c_str());
}

PythonNumber simply_called(const std::string& name, std::span<const PythonNumber> given) {
  if (name == "min" || name == "max") {
    require_count(name, given.size(), 2, SIZE_MAX, "value");
    return extreme(given, name == "max");
  }
  if (name == "round") {
    require_count(name, given.size(), 1, 2, "value");
    return given.size() == 1 ? rounded(given[0])
                             : rounded(given[0], static_cast<int>(std::clamp<int64_t>(as_whole(given[1]), 0, 20)));
  }
  fail("there is no function '" + name + "' for numbers", "value");
}

Results<int64_t, double> simple_math(const Expression& in, Call& call) {
  ExpressionRules rules;
  rules.value = [&](const std::string& name, const std::string& attribute) {
    return simple_value(call, name, attribute);
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
      .inputs = {Text("expression", &Expression::text).multiline(), anything("a"), anything("b"), anything("c")},
      .output_node = true,
      .run = math_expression});
  table.add(
      NodeOf<Expression>{.name = "SimpleMath+",
                         .display = "Simple Math",
                         .category = "essentials/utilities",
                         .description = "Calculates an expression of a, b and c, which are 0 where nothing is linked.",
                         .origin = "essentials",
                         .inputs = {Text("value", &Expression::text), anything("a"), anything("b"), anything("c")},
                         .run = simple_math});
}

}  // namespace easel::nodes
