// Values as Python makes them of others, for nodes whose originals leave that to it.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "node_api/text_length.h"

namespace easel::nodes {

// round(value, digits): the nearest decimal of so many digits after the point, halves of the binary value's exact
// decimals to the even one. 0 <= digits <= 20.
double python_round(double value, int digits);

// int(value). Throws Error(kInvalid), naming the input, for what is no number or has no place in 64 bits.
int64_t python_int(double value, const char* input);

// The number that a text is, all of it, with no sign but a minus; nothing for another text and for a number that T does
// not hold.
template <class T>
std::optional<T> number_of(std::string_view text) {
  T value{};
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}
// The same, where a plus may stand in front.
template <class T>
std::optional<T> number_with_plus(std::string_view text) {
  return number_of<T>(text.starts_with('+') ? text.substr(1) : text);
}

// float(text) of a text of digits with at most one point, as `text.replace(".", "", 1).isdigit()` asks for.
std::optional<double> digits_as_number(std::string_view text);

// text.split(delimiter): the parts between delimiters, empty ones too. Throws Error(kInvalid) for an empty delimiter,
// naming the input `delimiter`.
std::vector<std::string> split(const std::string& text, const std::string& delimiter);

// text.replace(find, replace); an empty `find` puts `replace` before every character and at the end. Throws
// Error(kMemory) when that makes more than 16 MiB.
std::string replaced(const std::string& text, const std::string& find, const std::string& replace);

// The lines of a text, as Python reads them from a file, without their ends and without those that begin with #, blanks
// before it left out.
std::vector<std::string> without_comments(std::string text);

// "\n".join(lines). Throws Error(kMemory) when that makes more than 16 MiB.
std::string joined(const std::vector<std::string>& lines, const std::string& between = "\n");

}  // namespace easel::nodes
