#include "nodes/extensions/impact/wildcard_text.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "nodes/common/python/python_values.h"
#include "nodes/common/python/texts.h"

namespace easel::nodes {
namespace {

bool may_name(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || byte >= 0x80 ||
         std::string_view("_.-+/*\\").find(c) != std::string_view::npos;
}

}  // namespace

std::string without_comment_lines(const std::string& text) {
  std::vector<std::string> lines;
  bool commented = false;
  for (const std::string& line : split(text, "\n")) {
    const auto begin = std::find_if_not(line.begin(), line.end(), is_blank);
    if (begin != line.end() && *begin == '#') {
      commented = true;
    } else if (lines.empty()) {
      lines.push_back(line);
    } else if (std::exchange(commented, false)) {
      lines.back() += " " + line;
    } else {
      lines.push_back(line);
    }
  }
  return joined(lines);
}

bool names_a_file(const std::string& text) {
  for (size_t at = text.find("__"); at != std::string::npos; at = text.find("__", at + 1)) {
    size_t end = at + 2;
    while (end < text.size() && may_name(text[end])) ++end;
    const std::string_view inside(text.data() + at + 2, end - at - 2);
    if (inside.find("__", 1) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace easel::nodes
