// Conversion of other encodings in files to UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace easel::formats {

// Appends one code point; an invalid one (a lone surrogate) becomes U+FFFD.
void append_utf8(std::string& out, uint32_t code_point);

// Latin-1 to UTF-8; text that is already valid UTF-8 is unchanged.
std::string to_utf8(std::string_view text);

}  // namespace easel::formats
