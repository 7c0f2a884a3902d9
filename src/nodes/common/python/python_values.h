// Values as Python makes them of others, for nodes whose originals leave that to it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace easel::nodes {

// round(value, digits): the nearest decimal of so many digits after the point, halves of the binary value's exact
// decimals to the even one. 0 <= digits <= 20.
double python_round(double value, int digits);

// int(value). Throws Error(kInvalid), naming the input, for what is no number or has no place in 64 bits.
int64_t python_int(double value, const char* input);

// float(text) of a text of digits with at most one point, as `text.replace(".", "", 1).isdigit()` asks for.
std::optional<double> digits_as_number(std::string_view text);

// text.split(delimiter): the parts between delimiters, empty ones too. Throws Error(kInvalid) for an empty delimiter,
// naming the input `delimiter`.
std::vector<std::string> split(const std::string& text, const std::string& delimiter);

// text.replace(find, replace); an empty `find` puts `replace` before every character and at the end. Throws
// Error(kMemory) when that makes more than 16 MiB.
std::string replaced(const std::string& text, const std::string& find, const std::string& replace);

// "\n".join(lines).
std::string joined(const std::vector<std::string>& lines, const std::string& between = "\n");

}  // namespace easel::nodes
