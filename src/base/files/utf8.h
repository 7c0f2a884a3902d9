// Telling UTF-8 from other bytes.
#pragma once

#include <cstddef>
#include <string_view>

namespace easel {

// The length in bytes of the character that the text begins with; 0 where it begins with none. Overlong forms,
// surrogates and what lies beyond Unicode are none.
size_t utf8_length(std::string_view text);
bool is_utf8(std::string_view text);

}  // namespace easel
