#include "nodes/common/python/python_values.h"

#include <array>
#include <cmath>

#include "base/error.h"
#include "formats/utf8.h"
#include "nodes/common/python/texts.h"
#include "text/unicode.h"

namespace easel::nodes {

double python_round(double value, int digits) {
  if (!std::isfinite(value) || std::abs(value) > 1e15) return value;
  std::array<char, 64> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, digits).ptr;
  double out = value;
  std::from_chars(text.data(), end, out);
  return out;
}

int64_t python_int(double value, const char* input) {
  if (!(value > -9.2e18 && value < 9.2e18))
    throw Error(Fault::kInvalid, "the number " + std::to_string(value) + " is too large for a whole one")
        .at_input(input);
  return static_cast<int64_t>(value);
}

std::optional<double> digits_as_number(std::string_view text) {
  int points = 0;
  size_t digits = 0;
  for (const char c : text) {
    if (c == '.') ++points;
    else if (c >= '0' && c <= '9') ++digits;
    else return std::nullopt;
  }
  if (points > 1 || digits == 0) return std::nullopt;
  double out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

std::vector<std::string> split(const std::string& text, const std::string& delimiter) {
  if (delimiter.empty())
    throw Error(Fault::kInvalid, "a text cannot be split at nothing").at_input("delimiter").fix("Type a character");
  std::vector<std::string> out;
  size_t at = 0;
  for (size_t next; (next = text.find(delimiter, at)) != std::string::npos; at = next + delimiter.size())
    out.push_back(text.substr(at, next - at));
  out.push_back(text.substr(at));
  return out;
}

std::string replaced(const std::string& text, const std::string& find, const std::string& replace) {
  std::string out;
  if (find.empty()) {
    require_length((replace.size() + 1) * (text.size() + 1));
    out = replace;
    for (const int32_t c : text::decode_utf8(text)) {
      formats::append_utf8(out, static_cast<uint32_t>(c));
      out += replace;
    }
    return out;
  }
  size_t at = 0;
  for (size_t next; (next = text.find(find, at)) != std::string::npos; at = next + find.size()) {
    out.append(text, at, next - at).append(replace);
    require_length(out.size());
  }
  return out.append(text, at);
}

std::vector<std::string> without_comments(std::string text) {
  if (text.empty()) return {};
  if (text.ends_with('\n')) text.pop_back();
  std::vector<std::string> lines = split(text, "\n");
  std::erase_if(lines, [](const std::string& line) { return stripped(line).starts_with('#'); });
  return lines;
}

std::string joined(const std::vector<std::string>& lines, const std::string& between) {
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i) out += between;
    out += lines[i];
    require_length(out.size());
  }
  return out;
}

}  // namespace easel::nodes
