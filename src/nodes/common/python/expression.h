// Calculations that are written as Python writes them, for nodes whose originals read them with its module ast.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace easel::nodes {

// Python's int and float. Whole numbers have 64 bits here; what would be larger is refused.
using PythonNumber = std::variant<int64_t, double>;

double as_real(const PythonNumber& number);
// int(number). Throws Error(kInvalid) where it does not fit into 64 bits.
int64_t as_whole(const PythonNumber& number);

struct ExpressionRules {
  // The value of a name, or of an attribute of one ("a.width"); the attribute is empty for a name alone. Throws Error.
  std::function<PythonNumber(const std::string& name, const std::string& attribute)> value;
  // The result of a function. Throws Error for one that there is not.
  std::function<PythonNumber(const std::string& name, std::span<const PythonNumber> arguments)> call;
  const char* input = "expression";  // that errors name
  bool bits = false;                 // & | ^ ~ << >>
  bool truth_as_number = true;       // `and`, `or` and `not` give 1 or 0, else one of the two values
};

// Evaluates an expression: + - * / // % ** with Python's results, comparisons (1 or 0), and, or, not, parentheses.
// Throws Error(kInvalid) for what is none, nests too deep, divides by 0 or has no finite result.
PythonNumber evaluate(std::string_view expression, const ExpressionRules& rules);

// round(): of whole and other numbers; `digits` below 0 means none given, which gives a whole number.
PythonNumber rounded(const PythonNumber& number, int digits = -1);

}  // namespace easel::nodes
