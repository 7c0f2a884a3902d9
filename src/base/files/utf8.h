// Telling UTF-8 from other bytes, and letters of ASCII in either case.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace easel {

// The length in bytes of the character that the text begins with; 0 where it begins with none. Overlong forms,
// surrogates and what lies beyond Unicode are none.
size_t utf8_length(std::string_view text);
bool is_utf8(std::string_view text);

// A to Z made small, all other bytes as they are, whatever the locale: for endings of files, header names and keywords.
std::string lower_ascii(std::string_view text);

}  // namespace easel
