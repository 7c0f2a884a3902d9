#include "workflow/coerce.h"

#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/files/utf8.h"

namespace easel::workflow {
namespace {

std::string stripped(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\n\r\f\v");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\n\r\f\v") - begin + 1);
}

const char* python_type(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null: return "NoneType";
    case Json::value_t::object: return "dict";
    case Json::value_t::array: return "list";
    default: return "str";
  }
}

// The whole text as an integer, or nothing. Sets `overflow` if it is an integer that does not fit.
bool parse_integer(std::string text, int base, Json& out, bool& overflow) {
  overflow = false;
  if (!text.empty() && text[0] == '+') text.erase(0, 1);
  if (text.empty()) return false;
  const char *first = text.data(), *last = first + text.size();
  int64_t number = 0;
  auto result = std::from_chars(first, last, number, base);
  if (result.ec == std::errc() && result.ptr == last) {
    out = number;
    return true;
  }
  uint64_t large = 0;
  result = std::from_chars(first, last, large, base);
  if (result.ec == std::errc() && result.ptr == last) {
    out = large;
    return true;
  }
  overflow = result.ptr == last && result.ec == std::errc::result_out_of_range;
  return false;
}

bool parse_float(std::string text, Json& out) {
  if (!text.empty() && text[0] == '+') text.erase(0, 1);
  if (text.empty()) return false;
  double number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec == std::errc::result_out_of_range && result.ptr == text.data() + text.size())
    number = text[0] == '-' ? -HUGE_VAL : HUGE_VAL;
  else if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return false;
  out = number;
  return true;
}

[[noreturn]] void refuse(const std::string& message) { throw Error(Fault::kInvalid, message); }

Json to_int(const Json& value) {
  if (value.is_number_integer()) return value;
  if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (std::isnan(number)) refuse("cannot convert float NaN to integer");
    if (std::isinf(number)) refuse("cannot convert float infinity to integer");
    const double whole = std::trunc(number);
    if (whole >= -0x1p63 && whole < 0x1p63) return static_cast<int64_t>(whole);
    if (whole >= 0 && whole < 0x1p64) return static_cast<uint64_t>(whole);
    refuse("the number does not fit 64 bits");
  }
  if (value.is_string()) {
    Json out;
    bool overflow;
    if (parse_integer(stripped(value.get_ref<const std::string&>()), 10, out, overflow)) return out;
    if (overflow) refuse("the number does not fit 64 bits");
    refuse("invalid literal for int() with base 10: " + python_repr(value));
  }
  refuse("int() argument must be a string, a bytes-like object or a real number, not '" +
         std::string(python_type(value)) + "'");
}

Json to_float(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_boolean()) return value.get<bool>() ? 1.0 : 0.0;
  if (value.is_string()) {
    Json out;
    if (parse_float(stripped(value.get_ref<const std::string&>()), out)) {
      if (!std::isfinite(out.get<double>())) refuse("must be finite, not " + python_repr(value));
      return out;
    }
    refuse("could not convert string to float: " + python_repr(value));
  }
  refuse("float() argument must be a string or a real number, not '" + std::string(python_type(value)) + "'");
}

bool truth(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null: return false;
    case Json::value_t::boolean: return value.get<bool>();
    case Json::value_t::number_float: return value.get<double>() != 0;
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned: return value != 0;
    case Json::value_t::string: return !value.get_ref<const std::string&>().empty();
    default: return !value.empty();
  }
}

}  // namespace

Json coerce(const InputSpec& input, const Json& value) {
  if (input.type == "INT") return to_int(value);
  if (input.type == "FLOAT") return to_float(value);
  if (input.type == "STRING") return python_str(value);
  if (input.type == "BOOLEAN") return truth(value);
  return value;
}

bool less(const Json& a, const Json& b) {
  if (a.is_number_integer() && b.is_number_integer()) {
    const bool wide_a = a.is_number_unsigned() && a.get<uint64_t>() > INT64_MAX;
    const bool wide_b = b.is_number_unsigned() && b.get<uint64_t>() > INT64_MAX;
    if (wide_a && wide_b) return a.get<uint64_t>() < b.get<uint64_t>();
    if (wide_a || wide_b) return wide_b;
    return a.get<int64_t>() < b.get<int64_t>();
  }
  return a.get<double>() < b.get<double>();
}

Json parse_value(const InputSpec& input, const std::string& text) {
  const std::string plain = stripped(text);
  const auto expected = [&](const char* what) {
    return Error(Fault::kUsage, std::string("expected ") + what + ", not '" + text + "'").at_input(input.name);
  };
  Json out;
  bool overflow;
  if (input.type == "INT") {
    const bool hex = plain.starts_with("0x") || plain.starts_with("0X");
    if (!parse_integer(hex ? plain.substr(2) : plain, hex ? 16 : 10, out, overflow)) throw expected("a whole number");
  } else if (input.type == "FLOAT") {
    if (!parse_float(plain, out) || !std::isfinite(out.get<double>())) throw expected("a number");
  } else if (input.type == "BOOLEAN") {
    const std::string word = lower_ascii(plain);
    if (word == "true" || word == "yes" || word == "on" || word == "1") out = true;
    else if (word == "false" || word == "no" || word == "off" || word == "0") out = false;
    else throw expected("true or false");
  } else {
    out = text;
  }
  return out;
}

}  // namespace easel::workflow
