// What a regular expression becomes: a program for a machine that tries one way and comes back for the other.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "text/regex.h"

namespace easel::text::regex {

// As upper and lower case are compared.
inline int32_t folded(int32_t c) {
  if (c < 128) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  const CodePoints lower = lower_case({c});
  return lower.size() == 1 ? lower[0] : c;
}

inline bool is_digit(int32_t c) {
  if (c < 128) return c >= '0' && c <= '9';
  const bool superscript_or_fraction = c == 0xB2 || c == 0xB3 || c == 0xB9 || (c >= 0xBC && c <= 0xBE);
  return !superscript_or_fraction && char_class(c) == CharClass::kNumber;
}
inline bool is_word(int32_t c) {
  if (c < 128) return c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
  return char_class(c) == CharClass::kLetter || char_class(c) == CharClass::kNumber;
}
inline bool is_space(int32_t c) { return (c >= 0x1C && c <= 0x1F) || char_class(c) == CharClass::kSpace; }

// A set of characters: ranges and classes (d, w, s, and their opposites in upper case).
struct Set {
  std::vector<std::pair<int32_t, int32_t>> ranges;
  std::string classes;
  bool negated = false;

  bool holds(int32_t c) const {
    for (const auto& [from, to] : ranges)
      if (c >= from && c <= to) return true;
    for (const char name : classes) {
      const char lower = static_cast<char>(name | 32);
      const bool in = lower == 'd' ? is_digit(c) : lower == 'w' ? is_word(c) : is_space(c);
      if (in == (name == lower)) return true;
    }
    return false;
  }
  bool matches(int32_t c, bool ignore_case) const {
    bool in = holds(c);
    if (!in && ignore_case) in = holds(folded(c)) || (c >= 'a' && c <= 'z' && holds(c - 32));
    return in != negated;
  }
};

enum class Op : uint8_t {
  kChar,
  kAny,
  kSet,
  kSplit,
  kJump,
  kSave,
  kBegin,
  kEnd,
  kTextBegin,
  kTextEnd,
  kWord,
  kNotWord,
  kBack,
  kLook,
  kForget,
  kMark,
  kMatch
};

struct Instruction {
  Op op = Op::kMatch;
  int32_t a = 0;      // a character, a set, a slot, where to go first; of a look, where its own instructions end
  int32_t b = 0;      // where to go else; of a look, how far behind
  bool flag = false;  // of a look: that it must not match
};

// Throws Error(kInvalid): "the regular expression " + what.
[[noreturn]] inline void fail(const std::string& what) {
  throw Error(Fault::kInvalid, "the regular expression " + what).fix("See Python's re for what it may hold");
}

}  // namespace easel::text::regex

namespace easel::text {

struct Regex::Program {
  std::vector<regex::Instruction> code;
  std::vector<regex::Set> sets;
  Flags flags;
  size_t groups = 0, marks = 0;
  std::map<std::string, size_t, std::less<>> names;
};

}  // namespace easel::text
