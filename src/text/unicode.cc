#include "text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <utility>

namespace easel::text {
namespace {

constexpr int32_t kReplacement = 0xFFFD;

bool is_control(int32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN: return true;
    default: return false;
  }
}

bool is_ideograph(int32_t c) {
  struct Range {
    int32_t first, last;
  };
  static constexpr std::array<Range, 8> kRanges{{{0x3400, 0x4DBF},
                                                 {0x4E00, 0x9FFF},
                                                 {0xF900, 0xFAFF},
                                                 {0x20000, 0x2A6DF},
                                                 {0x2A700, 0x2B73F},
                                                 {0x2B740, 0x2B81F},
                                                 {0x2B820, 0x2CEAF},
                                                 {0x2F800, 0x2FA1F}}};
  return std::any_of(kRanges.begin(), kRanges.end(), [c](Range r) { return c >= r.first && c <= r.last; });
}

// Canonical composition, in place. The marks behind a letter are put in order here, since utf8proc's own way of
// sorting them takes quadratic time.
void compose(CodePoints& text) {
  constexpr auto kOptions = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  CodePoints parts;
  parts.reserve(text.size());
  for (int32_t c : text) {
    std::array<utf8proc_int32_t, 8> some;  // no character has more than four
    int unused = 0;
    const auto count = utf8proc_decompose_char(c, some.data(), some.size(), kOptions, &unused);
    if (count < 0 || static_cast<size_t>(count) > some.size()) continue;
    parts.insert(parts.end(), some.begin(), some.begin() + count);
  }
  const auto mark_class = [](int32_t c) { return utf8proc_get_property(c)->combining_class; };
  for (auto first = parts.begin(); first != parts.end();) {
    const auto last = std::find_if(first, parts.end(), [&](int32_t c) { return mark_class(c) == 0; });
    std::stable_sort(first, last, [&](int32_t a, int32_t b) { return mark_class(a) < mark_class(b); });
    first = last == parts.end() ? last : last + 1;
  }
  const auto size = utf8proc_normalize_utf32(parts.data(), static_cast<utf8proc_ssize_t>(parts.size()), kOptions);
  parts.resize(static_cast<size_t>(std::max<utf8proc_ssize_t>(size, 0)));
  text = std::move(parts);
}

// Characters that the final-sigma rule looks through (Case_Ignorable).
bool is_case_ignorable(int32_t c) {
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK: return true;
    default: break;
  }
  static constexpr std::array<int32_t, 15> kInsideWords{0x27,   0x2E,   0x3A,   0xB7,   0x387,  0x55F,  0x5F4, 0x2018,
                                                        0x2019, 0x2024, 0x2027, 0xFE13, 0xFE52, 0xFE55, 0xFF07};
  return std::find(kInsideWords.begin(), kInsideWords.end(), c) != kInsideWords.end() || c == 0xFF0E || c == 0xFF1A;
}

bool is_cased(int32_t c) {
  const auto category = utf8proc_category(c);
  if (category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL || category == UTF8PROC_CATEGORY_LT)
    return true;
  // Other_Lowercase and Other_Uppercase: ordinal indicators, Roman numerals, letters in circles and squares.
  return c == 0xAA || c == 0xBA || (c >= 0x2160 && c <= 0x217F) || (c >= 0x24B6 && c <= 0x24E9) ||
         (c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189);
}

// A capital sigma that ends a word (Unicode 3.13, Final_Sigma).
bool ends_word(const CodePoints& word, size_t at) {
  size_t before = at;
  while (before > 0 && is_case_ignorable(word[before - 1])) --before;
  if (before == 0 || !is_cased(word[before - 1])) return false;
  size_t after = at + 1;
  while (after < word.size() && is_case_ignorable(word[after])) ++after;
  return after == word.size() || !is_cased(word[after]);
}

// Character `at` of a text in lower case.
void put_lower(CodePoints& out, const CodePoints& text, size_t at) {
  const int32_t c = text[at];
  if (c == 0x130) {  // capital I with dot: the one letter whose lower case is two characters
    out.insert(out.end(), {'i', 0x307});
  } else if (c == 0x3A3) {
    out.push_back(ends_word(text, at) ? 0x3C2 : 0x3C3);
  } else {
    out.push_back(utf8proc_tolower(c));
  }
}

constexpr int32_t kSharpS = 0xDF;  // utf8proc's upper case is a letter of its own, U+1E9E

}  // namespace

CodePoints lower_case(const CodePoints& text) {
  CodePoints out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) put_lower(out, text, i);
  return out;
}

CodePoints upper_case(const CodePoints& text) {
  CodePoints out;
  out.reserve(text.size());
  for (const int32_t c : text) {
    if (c == kSharpS) out.insert(out.end(), {'S', 'S'});
    else out.push_back(utf8proc_toupper(c));
  }
  return out;
}

CodePoints title_case(const CodePoints& text, Titled titled) {
  CodePoints out;
  out.reserve(text.size());
  bool inside = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (inside) put_lower(out, text, i);
    else if (text[i] == kSharpS) out.insert(out.end(), {'S', 's'});
    else out.push_back(utf8proc_totitle(text[i]));
    inside = titled == Titled::kFirst || is_cased(text[i]);
  }
  return out;
}

CodePoints decode_utf8(std::string_view bytes) {
  CodePoints out;
  out.reserve(bytes.size());
  const auto* data = reinterpret_cast<const utf8proc_uint8_t*>(bytes.data());
  for (size_t i = 0; i < bytes.size();) {
    utf8proc_int32_t c = kReplacement;
    const auto used = utf8proc_iterate(data + i, static_cast<utf8proc_ssize_t>(bytes.size() - i), &c);
    out.push_back(used > 0 ? c : kReplacement);
    i += used > 0 ? static_cast<size_t>(used) : 1;
  }
  return out;
}

CharClass char_class(int32_t code_point) {
  switch (utf8proc_category(code_point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: return CharClass::kLetter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return CharClass::kNumber;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return CharClass::kSpace;
    default: break;
  }
  const bool space = (code_point >= 0x09 && code_point <= 0x0D) || code_point == 0x85;
  return space ? CharClass::kSpace : CharClass::kOther;
}

std::vector<CodePoints> clean_words(std::string_view bytes) {
  CodePoints text;
  for (int32_t c : decode_utf8(bytes)) {
    if (c == kReplacement || is_control(c)) continue;
    if (is_ideograph(c)) text.insert(text.end(), {' ', c, ' '});
    else text.push_back(c);
  }
  compose(text);

  std::vector<CodePoints> words;
  CodePoints word;
  const auto finish = [&] {
    if (!word.empty()) words.push_back(lower_case(word));
    word.clear();
  };
  for (int32_t c : text) {
    if (char_class(c) == CharClass::kSpace) finish();
    else word.push_back(c);
  }
  finish();
  return words;
}

}  // namespace easel::text
