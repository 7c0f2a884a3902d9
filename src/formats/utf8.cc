#include "formats/utf8.h"

#include <utf8proc.h>

#include "base/files/utf8.h"

namespace easel::formats {

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
