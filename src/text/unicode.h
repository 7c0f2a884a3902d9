// The few Unicode operations in the definition of CLIP's tokenizer, based on utf8proc's tables.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace easel::text {

using CodePoints = std::vector<int32_t>;

// Never fails: a byte that starts no well-formed sequence becomes U+FFFD.
CodePoints decode_utf8(std::string_view bytes);

enum class CharClass : uint8_t { kSpace, kLetter, kNumber, kOther };

// General categories L* and N*, white space (White_Space), and the rest.
CharClass char_class(int32_t code_point);

// Lower case by the full Unicode rules (final sigma, dotted capital I).
CodePoints lower_case(const CodePoints& text);
// Upper case, character by character: of those whose upper case is several characters, only the sharp s becomes them.
CodePoints upper_case(const CodePoints& text);
// The first character of each run of letters with a case in title case, the others in lower case; or only the text's
// first character. As upper_case() otherwise.
enum class Titled { kWords, kFirst };
CodePoints title_case(const CodePoints& text, Titled titled);

// The words of a text after the cleaning transformers' CLIPTokenizer does where `ftfy` is not installed:
// control, unassigned and replacement characters go, each CJK ideograph stands alone, NFC, words split
// at white space, lower case by the full Unicode rules (final sigma, dotted capital I).
std::vector<CodePoints> clean_words(std::string_view bytes);

}  // namespace easel::text
