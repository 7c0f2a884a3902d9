#include "image/sheet/text_drawing.h"

#include <algorithm>
#include <array>

namespace easel::image {
namespace {

constexpr int64_t kRows = 7, kColumns = 5;
using Glyph = std::array<uint8_t, kRows>;  // rows from above, the leftmost dot is 16

// From space to tilde.
constexpr std::array<Glyph, 95> kFont{{
    {0, 0, 0, 0, 0, 0, 0},         // space
    {4, 4, 4, 4, 4, 0, 4},         // !
    {10, 10, 10, 0, 0, 0, 0},      // "
    {10, 10, 31, 10, 31, 10, 10},  // #
    {4, 15, 20, 14, 5, 30, 4},     // $
    {24, 25, 2, 4, 8, 19, 3},      // %
    {12, 18, 20, 8, 21, 18, 13},   // &
    {4, 4, 8, 0, 0, 0, 0},         // '
    {2, 4, 8, 8, 8, 4, 2},         // (
    {8, 4, 2, 2, 2, 4, 8},         // )
    {0, 4, 21, 14, 21, 4, 0},      // *
    {0, 4, 4, 31, 4, 4, 0},        // +
    {0, 0, 0, 0, 12, 4, 8},        // ,
    {0, 0, 0, 31, 0, 0, 0},        // -
    {0, 0, 0, 0, 0, 12, 12},       // .
    {0, 1, 2, 4, 8, 16, 0},        // /
    {14, 17, 19, 21, 25, 17, 14},  // 0
    {4, 12, 4, 4, 4, 4, 14},       // 1
    {14, 17, 1, 2, 4, 8, 31},      // 2
    {31, 2, 4, 2, 1, 17, 14},      // 3
    {2, 6, 10, 18, 31, 2, 2},      // 4
    {31, 16, 30, 1, 1, 17, 14},    // 5
    {6, 8, 16, 30, 17, 17, 14},    // 6
    {31, 1, 2, 4, 8, 8, 8},        // 7
    {14, 17, 17, 14, 17, 17, 14},  // 8
    {14, 17, 17, 15, 1, 2, 12},    // 9
    {0, 12, 12, 0, 12, 12, 0},     // :
    {0, 12, 12, 0, 12, 4, 8},      // ;
    {2, 4, 8, 16, 8, 4, 2},        // <
    {0, 0, 31, 0, 31, 0, 0},       // =
    {8, 4, 2, 1, 2, 4, 8},         // >
    {14, 17, 1, 2, 4, 0, 4},       // ?
    {14, 17, 1, 13, 21, 21, 14},   // @
    {14, 17, 17, 17, 31, 17, 17},  // A
    {30, 17, 17, 30, 17, 17, 30},  // B
    {14, 17, 16, 16, 16, 17, 14},  // C
    {28, 18, 17, 17, 17, 18, 28},  // D
    {31, 16, 16, 30, 16, 16, 31},  // E
    {31, 16, 16, 30, 16, 16, 16},  // F
    {14, 17, 16, 23, 17, 17, 15},  // G
    {17, 17, 17, 31, 17, 17, 17},  // H
    {14, 4, 4, 4, 4, 4, 14},       // I
    {7, 2, 2, 2, 2, 18, 12},       // J
    {17, 18, 20, 24, 20, 18, 17},  // K
    {16, 16, 16, 16, 16, 16, 31},  // L
    {17, 27, 21, 21, 17, 17, 17},  // M
    {17, 17, 25, 21, 19, 17, 17},  // N
    {14, 17, 17, 17, 17, 17, 14},  // O
    {30, 17, 17, 30, 16, 16, 16},  // P
    {14, 17, 17, 17, 21, 18, 13},  // Q
    {30, 17, 17, 30, 20, 18, 17},  // R
    {15, 16, 16, 14, 1, 1, 30},    // S
    {31, 4, 4, 4, 4, 4, 4},        // T
    {17, 17, 17, 17, 17, 17, 14},  // U
    {17, 17, 17, 17, 17, 10, 4},   // V
    {17, 17, 17, 21, 21, 21, 10},  // W
    {17, 17, 10, 4, 10, 17, 17},   // X
    {17, 17, 17, 10, 4, 4, 4},     // Y
    {31, 1, 2, 4, 8, 16, 31},      // Z
    {14, 8, 8, 8, 8, 8, 14},       // [
    {0, 16, 8, 4, 2, 1, 0},        // backslash
    {14, 2, 2, 2, 2, 2, 14},       // ]
    {4, 10, 17, 0, 0, 0, 0},       // ^
    {0, 0, 0, 0, 0, 0, 31},        // _
    {8, 4, 2, 0, 0, 0, 0},         // `
    {0, 0, 14, 1, 15, 17, 15},     // a
    {16, 16, 22, 25, 17, 17, 30},  // b
    {0, 0, 14, 16, 16, 17, 14},    // c
    {1, 1, 13, 19, 17, 17, 15},    // d
    {0, 0, 14, 17, 31, 16, 14},    // e
    {6, 9, 8, 28, 8, 8, 8},        // f
    {0, 15, 17, 17, 15, 1, 14},    // g
    {16, 16, 22, 25, 17, 17, 17},  // h
    {4, 0, 12, 4, 4, 4, 14},       // i
    {2, 0, 6, 2, 2, 18, 12},       // j
    {16, 16, 18, 20, 24, 20, 18},  // k
    {12, 4, 4, 4, 4, 4, 14},       // l
    {0, 0, 26, 21, 21, 17, 17},    // m
    {0, 0, 22, 25, 17, 17, 17},    // n
    {0, 0, 14, 17, 17, 17, 14},    // o
    {0, 0, 30, 17, 30, 16, 16},    // p
    {0, 0, 13, 19, 15, 1, 1},      // q
    {0, 0, 22, 25, 16, 16, 16},    // r
    {0, 0, 14, 16, 14, 1, 30},     // s
    {8, 8, 28, 8, 8, 9, 6},        // t
    {0, 0, 17, 17, 17, 19, 13},    // u
    {0, 0, 17, 17, 17, 10, 4},     // v
    {0, 0, 17, 17, 21, 21, 10},    // w
    {0, 0, 17, 10, 4, 10, 17},     // x
    {0, 0, 17, 17, 15, 1, 14},     // y
    {0, 0, 31, 2, 4, 8, 31},       // z
    {2, 4, 4, 8, 4, 4, 2},         // {
    {4, 4, 4, 4, 4, 4, 4},         // |
    {8, 4, 4, 2, 4, 4, 8},         // }
    {0, 0, 8, 21, 2, 0, 0},        // ~
}};

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

const Glyph& glyph(char c) {
  constexpr size_t kUnknown = '?' - ' ';
  const auto index = static_cast<size_t>(static_cast<unsigned char>(c)) - ' ';
  return kFont[index < kFont.size() ? index : kUnknown];
}

void fill(Tensor& picture, int64_t x, int64_t y, int64_t side, float ink) {
  const int64_t x1 = std::min(x + side, picture.dim(2)), y1 = std::min(y + side, picture.dim(1));
  for (int64_t r = std::max<int64_t>(y, 0); r < y1; ++r)
    for (int64_t c = std::max<int64_t>(x, 0); c < x1; ++c)
      std::fill_n(picture.f32() + (r * picture.dim(2) + c) * 3, 3, ink);
}

}  // namespace

void draw_text(Tensor& picture, std::string_view text, int64_t x, int64_t y, int64_t scale, float ink) {
  for (char c : text) {
    if (continues_character(c)) continue;
    const Glyph& dots = glyph(c);
    for (int64_t r = 0; r < kRows; ++r)
      for (int64_t k = 0; k < kColumns; ++k)
        if (dots[static_cast<size_t>(r)] >> (kColumns - 1 - k) & 1)
          fill(picture, x + k * scale, y + r * scale, scale, ink);
    x += kCharacterDots * scale;
  }
}

int64_t characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return !continues_character(c); });
}

std::string_view first_characters(std::string_view text, int64_t count) {
  size_t end = 0;
  for (; end < text.size(); ++end)
    if (!continues_character(text[end]) && count-- <= 0) break;
  return text.substr(0, end);
}

int64_t text_width(std::string_view text, int64_t scale) {
  const int64_t count = characters(text);
  return count == 0 ? 0 : (count * kCharacterDots - 1) * scale;
}

std::string fit_text(std::string_view text, int64_t width, int64_t scale) {
  if (text_width(text, scale) <= width) return std::string(text);
  while (!text.empty() && text_width(text, scale) + (3 * kCharacterDots) * scale > width) {
    do text.remove_suffix(1);
    while (!text.empty() && continues_character(text.back()));
    // What is left may end in the first byte of a character cut in half.
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0) text.remove_suffix(1);
  }
  return std::string(text) + "...";
}

}  // namespace easel::image
