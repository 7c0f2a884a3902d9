#include "nodes/common/python/expression.h"

#include <charconv>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "nodes/common/python/python_values.h"

namespace easel::nodes {
namespace {

constexpr int kMostDepth = 100;

[[noreturn]] void fail(const std::string& what) { throw Error(Fault::kInvalid, what); }

bool is_whole(const PythonNumber& number) { return std::holds_alternative<int64_t>(number); }
bool is_true(const PythonNumber& number) { return as_real(number) != 0; }

PythonNumber finite(double value) {
  if (!std::isfinite(value)) fail("the result is no number");
  return value;
}

// Python's remainder, which has the sign of the divisor.
int64_t remainder_of(int64_t a, int64_t b) {
  const int64_t rest = b == -1 ? 0 : a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}
double remainder_of(double a, double b) {
  const double rest = std::fmod(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

PythonNumber power(int64_t base, int64_t exponent) {
  if (exponent < 0) return finite(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  int64_t out = 1;
  if (base == 0 || base == 1) return exponent == 0 ? 1 : base;
  if (base == -1) return int64_t{exponent % 2 ? -1 : 1};
  if (exponent > 63) fail("the result does not fit into 64 bits");
  for (; exponent > 0; --exponent)
    if (__builtin_mul_overflow(out, base, &out)) fail("the result does not fit into 64 bits");
  return out;
}

enum class Op { kAdd, kSubtract, kMultiply, kDivide, kFloor, kModulo, kPower, kAnd, kOr, kXor, kLeft, kRight };

PythonNumber of_whole(Op op, int64_t a, int64_t b) {
  int64_t out = 0;
  bool fits = true;
  switch (op) {
    case Op::kAdd: fits = !__builtin_add_overflow(a, b, &out); break;
    case Op::kSubtract: fits = !__builtin_sub_overflow(a, b, &out); break;
    case Op::kMultiply: fits = !__builtin_mul_overflow(a, b, &out); break;
    case Op::kDivide: return finite(static_cast<double>(a) / static_cast<double>(b));
    case Op::kModulo: out = remainder_of(a, b); break;
    case Op::kPower: return power(a, b);
    case Op::kFloor:
      fits = a != INT64_MIN || b != -1;
      if (fits) out = (a - remainder_of(a, b)) / b;
      break;
    case Op::kAnd: out = a & b; break;
    case Op::kOr: out = a | b; break;
    case Op::kXor: out = a ^ b; break;
    case Op::kLeft:
    case Op::kRight:
      if (b < 0) fail("shifts by less than nothing");
      if (op == Op::kRight) return b > 62 ? int64_t{a < 0 ? -1 : 0} : a >> b;
      fits = a == 0 || (b <= 62 && !__builtin_mul_overflow(a, int64_t{1} << b, &out));
      break;
  }
  if (!fits) fail("the result does not fit into 64 bits");
  return out;
}

// What Python makes of two numbers: of whole ones a whole one, but for divisions and powers below 0. Fails for a
// divisor of 0, for a whole result that does not fit into 64 bits, for one that is not finite, and for bits of numbers
// that are not whole.
PythonNumber calculate(Op op, const PythonNumber& a, const PythonNumber& b) {
  if ((op == Op::kDivide || op == Op::kFloor || op == Op::kModulo) && as_real(b) == 0) fail("nothing divides by 0");
  if (is_whole(a) && is_whole(b)) return of_whole(op, std::get<int64_t>(a), std::get<int64_t>(b));
  const double x = as_real(a), y = as_real(b);
  switch (op) {
    case Op::kAdd: return finite(x + y);
    case Op::kSubtract: return finite(x - y);
    case Op::kMultiply: return finite(x * y);
    case Op::kDivide: return finite(x / y);
    case Op::kFloor: return finite(std::floor(x / y));
    case Op::kModulo: return finite(remainder_of(x, y));
    case Op::kPower: return finite(std::pow(x, y));
    default: fail("bits are those of whole numbers");
  }
}

class Reader {
 public:
  Reader(std::string_view text, const ExpressionRules& rules) : text_(text), rules_(rules) {}

  PythonNumber read() {
    const PythonNumber out = disjunction();
    skip();
    if (at_ < text_.size()) fail("'" + std::string(text_.substr(at_, 20)) + "' is not expected in the expression");
    return out;
  }

 private:
  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }
  static bool in_name(char c) { return c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z'); }

  // Takes a sign that is not the beginning of a longer one.
  bool take(std::string_view sign, std::string_view longer = {}) {
    skip();
    if (!text_.substr(at_).starts_with(sign)) return false;
    const char after = at_ + sign.size() < text_.size() ? text_[at_ + sign.size()] : '\0';
    if (in_name(sign.front()) ? in_name(after) : after != '\0' && longer.find(after) != std::string_view::npos)
      return false;
    at_ += sign.size();
    return true;
  }

  PythonNumber disjunction() {
    PythonNumber left = conjunction();
    while (take("or")) {
      const PythonNumber right = conjunction();
      if (rules_.truth_as_number) left = int64_t{is_true(left) || is_true(right)};
      else if (!is_true(left)) left = right;
    }
    return left;
  }
  PythonNumber conjunction() {
    PythonNumber left = negation();
    while (take("and")) {
      const PythonNumber right = negation();
      if (rules_.truth_as_number) left = int64_t{is_true(left) && is_true(right)};
      else if (is_true(left)) left = right;
    }
    return left;
  }
  PythonNumber negation() {
    const Depth depth(*this);
    if (take("not")) return int64_t{!is_true(negation())};
    return comparison();
  }
  PythonNumber comparison() {
    const PythonNumber left = bit_or();
    const auto compared = [&](auto&& holds) -> PythonNumber {
      const bool yes = holds(as_real(left), as_real(bit_or()));
      skip();
      const std::string_view rest = text_.substr(at_);
      if (rest.starts_with('<') || rest.starts_with('>') || rest.starts_with("==") || rest.starts_with("!="))
        fail("compares more than two values at once");
      return int64_t{yes};
    };
    if (take("==")) return compared([](double a, double b) { return a == b; });
    if (take("!=")) return compared([](double a, double b) { return a != b; });
    if (take("<=")) return compared([](double a, double b) { return a <= b; });
    if (take(">=")) return compared([](double a, double b) { return a >= b; });
    if (take("<", "<")) return compared([](double a, double b) { return a < b; });
    if (take(">", ">")) return compared([](double a, double b) { return a > b; });
    return left;
  }
  bool take_bits(std::string_view sign) { return rules_.bits && take(sign); }
  PythonNumber bit_or() {
    PythonNumber left = bit_xor();
    while (take_bits("|")) left = calculate(Op::kOr, left, bit_xor());
    return left;
  }
  PythonNumber bit_xor() {
    PythonNumber left = bit_and();
    while (take_bits("^")) left = calculate(Op::kXor, left, bit_and());
    return left;
  }
  PythonNumber bit_and() {
    PythonNumber left = shift();
    while (take_bits("&")) left = calculate(Op::kAnd, left, shift());
    return left;
  }
  PythonNumber shift() {
    PythonNumber left = sum();
    for (;;) {
      if (take_bits("<<")) left = calculate(Op::kLeft, left, sum());
      else if (take_bits(">>")) left = calculate(Op::kRight, left, sum());
      else return left;
    }
  }
  PythonNumber sum() {
    PythonNumber left = product();
    for (;;) {
      if (take("+")) left = calculate(Op::kAdd, left, product());
      else if (take("-")) left = calculate(Op::kSubtract, left, product());
      else return left;
    }
  }
  PythonNumber product() {
    PythonNumber left = unary();
    for (;;) {
      if (take("*", "*")) left = calculate(Op::kMultiply, left, unary());
      else if (take("//")) left = calculate(Op::kFloor, left, unary());
      else if (take("/")) left = calculate(Op::kDivide, left, unary());
      else if (take("%")) left = calculate(Op::kModulo, left, unary());
      else return left;
    }
  }
  PythonNumber unary() {
    const Depth depth(*this);
    if (take("-")) return calculate(Op::kSubtract, int64_t{0}, unary());
    if (take_bits("~")) return calculate(Op::kXor, unary(), int64_t{-1});
    const PythonNumber base = primary();
    return take("**") ? calculate(Op::kPower, base, unary()) : base;
  }

  PythonNumber primary() {
    skip();
    if (at_ >= text_.size()) fail("the expression ends too early");
    if (take("(")) {
      const PythonNumber inside = disjunction();
      if (!take(")")) fail("the expression lacks a )");
      return inside;
    }
    const char c = text_[at_];
    if ((c >= '0' && c <= '9') || c == '.') return number();
    if (!in_name(c)) fail("'" + std::string(text_.substr(at_, 20)) + "' is not expected in the expression");
    const std::string name = word();
    if (take("(")) return call(name);
    return rules_.value(name, take(".") ? word() : std::string());
  }

  std::string word() {
    const size_t begin = at_;
    while (at_ < text_.size() && in_name(text_[at_])) ++at_;
    if (at_ == begin) fail("the expression lacks a name");
    return std::string(text_.substr(begin, at_ - begin));
  }

  PythonNumber number() {
    const char* from = text_.data() + at_;
    const char* end = text_.data() + text_.size();
    int64_t whole = 0;
    const auto as_integer = std::from_chars(from, end, whole);
    const bool decimal = as_integer.ptr < end && (*as_integer.ptr == '.' || (*as_integer.ptr | 32) == 'e');
    if (as_integer.ec == std::errc() && !decimal) {
      at_ += static_cast<size_t>(as_integer.ptr - from);
      return whole;
    }
    double real = 0;
    const auto as_float = std::from_chars(from, end, real);
    if (as_float.ec != std::errc()) fail("'" + std::string(text_.substr(at_, 20)) + "' is no number");
    at_ += static_cast<size_t>(as_float.ptr - from);
    return real;
  }

  PythonNumber call(const std::string& name) {
    std::vector<PythonNumber> arguments;
    if (!take(")")) {
      do arguments.push_back(disjunction());
      while (take(","));
      if (!take(")")) fail("the expression lacks a )");
    }
    return rules_.call(name, arguments);
  }

  // Counts how deep the expression nests.
  class Depth {
   public:
    explicit Depth(Reader& reader) : reader_(reader) {
      if (++reader_.depth_ > kMostDepth) fail("the expression nests too deep");
    }
    ~Depth() { --reader_.depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;

   private:
    Reader& reader_;
  };

  std::string_view text_;
  const ExpressionRules& rules_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

double as_real(const PythonNumber& number) {
  return std::visit([](auto v) { return static_cast<double>(v); }, number);
}

int64_t as_whole(const PythonNumber& number) {
  if (const auto* v = std::get_if<int64_t>(&number)) return *v;
  return python_int(std::get<double>(number), "");
}

PythonNumber evaluate(std::string_view expression, const ExpressionRules& rules) {
  try {
    return Reader(expression, rules).read();
  } catch (Error& e) {
    e.at_input(rules.input);
    throw;
  }
}

PythonNumber rounded(const PythonNumber& number, int digits) {
  if (is_whole(number)) return number;
  const double value = std::get<double>(number);
  if (digits < 0) return python_int(std::nearbyint(value), "");
  return python_round(value, digits);
}

}  // namespace easel::nodes
