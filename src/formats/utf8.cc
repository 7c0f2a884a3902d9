#include "formats/utf8.h"

#include <utf8proc.h>

namespace easel::formats {
namespace {

bool valid_utf8(std::string_view text) {
  const auto* data = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  for (size_t i = 0; i < text.size();) {
    utf8proc_int32_t c = 0;
    const auto used = utf8proc_iterate(data + i, static_cast<utf8proc_ssize_t>(text.size() - i), &c);
    if (used <= 0) return false;
    i += static_cast<size_t>(used);
  }
  return true;
}

}  // namespace

void append_utf8(std::string& out, uint32_t code_point) {
  const auto c = static_cast<utf8proc_int32_t>(code_point);
  utf8proc_uint8_t buffer[4];
  const auto size = utf8proc_encode_char(utf8proc_codepoint_valid(c) ? c : 0xfffd, buffer);
  out.append(reinterpret_cast<const char*>(buffer), static_cast<size_t>(size));
}

std::string to_utf8(std::string_view text) {
  if (valid_utf8(text)) return std::string(text);
  std::string out;
  for (char c : text) append_utf8(out, static_cast<uint8_t>(c));
  return out;
}

}  // namespace easel::formats
