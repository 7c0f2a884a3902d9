// Texts as the Python of extensions treats them, for those that look at bytes: white space is ASCII's.
#pragma once

#include <algorithm>
#include <string>

namespace easel::nodes {

// Python's white space of one byte: beside the usual characters four separators.
inline bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= 0x1F); }

// Without white space at both ends.
inline std::string stripped(const std::string& text) {
  const auto begin = std::find_if_not(text.begin(), text.end(), is_blank);
  const auto end = std::find_if_not(text.rbegin(), text.rend(), is_blank).base();
  return begin < end ? std::string(begin, end) : std::string();
}

}  // namespace easel::nodes
