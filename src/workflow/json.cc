#include "workflow/json.h"

#include <charconv>
#include <cmath>
#include <vector>

#include "base/error.h"

namespace easel::workflow {
namespace {

// Python's json module writes these bare words, which JSON does not know. Same length in, so that places
// in error messages stay right.
std::string without_python_words(std::string_view text) {
  std::string out(text);
  bool in_string = false;
  for (size_t i = 0; i < out.size(); ++i) {
    if (in_string) {
      if (out[i] == '\\') ++i;
      else if (out[i] == '"') in_string = false;
      continue;
    }
    if (out[i] == '"') {
      in_string = true;
      continue;
    }
    for (const std::string_view word : {"NaN", "-Infinity", "Infinity"}) {
      if (out.compare(i, word.size(), word) != 0) continue;
      std::string blank = "null";
      blank.resize(std::max<size_t>(word.size(), 4), ' ');
      out.replace(i, word.size(), blank);
      i += blank.size() - 1;
      break;
    }
  }
  return out;
}

bool mentions_python_words(std::string_view text) {
  return text.find("NaN") != std::string_view::npos || text.find("Infinity") != std::string_view::npos;
}

// Looks through a text without keeping anything of it. The parser could call back for each value, but would then look
// through all of a list again after each object in it.
class LimitsCheck final : public nlohmann::json_sax<Json> {
 public:
  explicit LimitsCheck(const JsonLimits& limits) : limits_(limits) {}

  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(number_integer_t) override { return value(); }
  bool number_unsigned(number_unsigned_t) override { return value(); }
  bool number_float(number_float_t, const string_t&) override { return value(); }
  bool string(string_t&) override { return value(); }
  bool binary(binary_t&) override { return value(); }
  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t&) override {
    if (++keys_.back() > limits_.keys)
      throw Error(Fault::kInvalid,
                  "a JSON object has more than the " + std::to_string(limits_.keys) + " members allowed");
    return true;
  }
  // Json::parse() says what is wrong.
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  bool value() {
    if (++values_ > limits_.values)
      throw Error(Fault::kInvalid,
                  "the JSON text has more than the " + std::to_string(limits_.values) + " values allowed");
    return true;
  }
  bool open() {
    if (keys_.size() >= static_cast<size_t>(limits_.depth))
      throw Error(Fault::kInvalid,
                  "the JSON text is nested deeper than the " + std::to_string(limits_.depth) + " levels allowed");
    keys_.push_back(0);
    return value();
  }
  bool close() {
    keys_.pop_back();
    return true;
  }

  const JsonLimits& limits_;
  std::vector<size_t> keys_;  // of each open object or list
  size_t values_ = 0;
};

Json parse_within(std::string_view text, const JsonLimits& limits) {
  LimitsCheck check(limits);
  Json::sax_parse(text, &check);
  return Json::parse(text);
}

}  // namespace

Json parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes)
    throw Error(Fault::kInvalid,
                "the JSON text is larger than the " + std::to_string(limits.bytes >> 20) + " MiB allowed");
  try {
    if (mentions_python_words(text)) return parse_within(without_python_words(text), limits);
    return parse_within(text, limits);
  } catch (const Json::exception& e) {
    std::string reason = e.what();
    const size_t bracket = reason.find("] ");  // the library's own error number
    if (bracket != std::string::npos) reason.erase(0, bracket + 2);
    throw Error(Fault::kInvalid, "not valid JSON: " + reason);
  }
}

std::string dump_json(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string python_number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char text[64];
  const double size = std::fabs(value);
  // repr() switches to an exponent below 1e-4 and from 1e16 on.
  const auto format =
      size != 0 && (size < 1e-4 || size >= 1e16) ? std::chars_format::scientific : std::chars_format::fixed;
  const auto end = std::to_chars(text, text + sizeof text, value, format).ptr;
  std::string out(text, end);
  if (out.find_first_of(".e") == std::string::npos) out += ".0";
  return out;
}

std::string python_repr(const Json& json) {
  switch (json.type()) {
    case Json::value_t::null: return "None";
    case Json::value_t::boolean: return json.get<bool>() ? "True" : "False";
    case Json::value_t::number_integer: return std::to_string(json.get<int64_t>());
    case Json::value_t::number_unsigned: return std::to_string(json.get<uint64_t>());
    case Json::value_t::number_float: return python_number(json.get<double>());
    case Json::value_t::string: {
      const auto& text = json.get_ref<const std::string&>();
      const char quote = text.find('\'') != std::string::npos && text.find('"') == std::string::npos ? '"' : '\'';
      std::string out(1, quote);
      for (const char c : text) {
        if (c == '\n') out += "\\n";
        else if (c == '\r') out += "\\r";
        else if (c == '\t') out += "\\t";
        else {
          if (c == quote || c == '\\') out += '\\';
          out += c;
        }
      }
      return out + quote;
    }
    case Json::value_t::array: {
      std::string out = "[";
      for (const Json& item : json) out += (out.size() > 1 ? ", " : "") + python_repr(item);
      return out + "]";
    }
    case Json::value_t::object: {
      std::string out = "{";
      for (const auto& [key, value] : json.items())
        out += (out.size() > 1 ? ", " : "") + python_repr(Json(key)) + ": " + python_repr(value);
      return out + "}";
    }
    default: return "?";
  }
}

std::string python_str(const Json& json) { return json.is_string() ? json.get<std::string>() : python_repr(json); }

}  // namespace easel::workflow
