// UTF-8 made from what files hold instead.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace easel::formats {

// Appends one code point; what is none (a lone surrogate) becomes U+FFFD.
void append_utf8(std::string& out, uint32_t code_point);

// Latin-1 to UTF-8, except that what is valid UTF-8 already is left alone.
std::string to_utf8(std::string_view text);

}  // namespace easel::formats
