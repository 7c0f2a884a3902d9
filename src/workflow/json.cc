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

}  // namespace

Json parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes)
    throw Error(Fault::kInvalid,
                "the JSON text is larger than the " + std::to_string(limits.bytes >> 20) + " MiB allowed");
  std::vector<size_t> keys;  // of each open object
  const auto guard = [&](int depth, Json::parse_event_t event, Json&) {
    switch (event) {
      case Json::parse_event_t::object_start: keys.push_back(0); [[fallthrough]];
      case Json::parse_event_t::array_start:
        if (depth >= limits.depth)
          throw Error(Fault::kInvalid,
                      "the JSON text is nested deeper than the " + std::to_string(limits.depth) + " levels allowed");
        break;
      case Json::parse_event_t::object_end:
        if (!keys.empty()) keys.pop_back();
        break;
      case Json::parse_event_t::key:
        if (!keys.empty() && ++keys.back() > limits.keys)
          throw Error(Fault::kInvalid,
                      "a JSON object has more than the " + std::to_string(limits.keys) + " members allowed");
        break;
      default: break;
    }
    return true;
  };
  try {
    if (mentions_python_words(text)) return Json::parse(without_python_words(text), guard);
    return Json::parse(text, guard);
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
