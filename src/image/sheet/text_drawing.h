// Small text in pictures, with a built-in font of five by seven dots.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tensor/tensor.h"

namespace easel::image {

// Height of a line and width of a character with the gaps to the next, in dots.
constexpr int64_t kLineDots = 9;
constexpr int64_t kCharacterDots = 6;

// Draws one line of text into f32 [1,H,W,3], its upper left corner at (x, y), each dot `scale` pixels wide, in grey of
// brightness `ink`. What lies outside the picture is cut off. Characters other than printable ASCII become "?".
void draw_text(Tensor& picture, std::string_view text, int64_t x, int64_t y, int64_t scale, float ink);

// How many characters there are in UTF-8, and the first ones: all of the text where it has no more than `count`.
int64_t characters(std::string_view text);
std::string_view first_characters(std::string_view text, int64_t count);

// Width in pixels that draw_text() needs; a character of several bytes counts once.
int64_t text_width(std::string_view text, int64_t scale);

// The text, or as much of its beginning as fits into `width` pixels with "..." behind.
std::string fit_text(std::string_view text, int64_t width, int64_t scale);

}  // namespace easel::image
