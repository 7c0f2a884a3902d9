// Python's str.strip(), for texts in which only ASCII's white space is to be removed.
#pragma once

#include <algorithm>
#include <string>

namespace easel::nodes {

// Whether Python counts this byte as white space; beside the usual characters it counts the four ASCII separators.
inline bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= 0x1F); }

// The text without the white space at its beginning and end.
inline std::string stripped(const std::string& text) {
  const auto begin = std::find_if_not(text.begin(), text.end(), is_blank);
  const auto end = std::find_if_not(text.rbegin(), text.rend(), is_blank).base();
  return begin < end ? std::string(begin, end) : std::string();
}

}  // namespace easel::nodes
