#include "formats/utf8.h"

#include <utf8proc.h>

namespace easel::formats {

size_t utf8_length(std::string_view text) {
  utf8proc_int32_t c = 0;
  const auto used = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                     static_cast<utf8proc_ssize_t>(text.size()), &c);
  return used > 0 ? static_cast<size_t>(used) : 0;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void append_utf8(std::string& out, uint32_t code_point) {
  const auto c = static_cast<utf8proc_int32_t>(code_point);
  utf8proc_uint8_t buffer[4];
  const auto size = utf8proc_encode_char(utf8proc_codepoint_valid(c) ? c : 0xfffd, buffer);
  out.append(reinterpret_cast<const char*>(buffer), static_cast<size_t>(size));
}

std::string to_utf8(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  std::string out;
  for (char c : text) append_utf8(out, static_cast<uint8_t>(c));
  return out;
}

}  // namespace easel::formats
