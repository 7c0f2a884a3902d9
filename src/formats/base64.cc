#include "formats/base64.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/error.h"

namespace easel::formats {
namespace {

constexpr int kSpace = -1, kEnd = -2, kForeign = -3;

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

constexpr std::array<int, 256> make_values() {
  std::array<int, 256> out{};
  for (int& v : out) v = kForeign;
  const auto set = [&](char c, int value) { out[static_cast<uint8_t>(c)] = value; };
  for (size_t i = 0; i < kDigits.size(); ++i) set(kDigits[i], static_cast<int>(i));
  for (const char c : {'+', '-'}) set(c, 62);
  for (const char c : {'/', '_'}) set(c, 63);
  for (const char c : {' ', '\t', '\r', '\n'}) set(c, kSpace);
  set('=', kEnd);
  return out;
}
constexpr std::array<int, 256> kValues = make_values();

}  // namespace

std::vector<uint8_t> decode_base64(std::string_view text) {
  constexpr std::string_view kMark = ";base64,";
  if (text.starts_with("data:"))
    if (const size_t at = text.substr(0, 200).find(kMark); at != std::string_view::npos)
      text.remove_prefix(at + kMark.size());
  std::vector<uint8_t> out;
  out.reserve(text.size() / 4 * 3 + 3);
  uint32_t bits = 0;
  size_t digits = 0;
  bool ended = false;
  for (const char c : text) {
    const int value = kValues[static_cast<uint8_t>(c)];
    if (value == kSpace) continue;
    if (value == kForeign || (ended && value != kEnd))
      throw Error(Fault::kInvalid,
                  "the text is not base64: " +
                      (value == kForeign ? "byte " + std::to_string(static_cast<uint8_t>(c)) + " is no digit of it"
                                         : std::string("it goes on after its end")));
    if (value == kEnd) {
      ended = true;
      continue;
    }
    bits = bits << 6 | static_cast<uint32_t>(value);
    if (++digits % 4 == 0)
      for (const int shift : {16, 8, 0}) out.push_back(static_cast<uint8_t>(bits >> shift));
  }
  const size_t left = digits % 4;
  if (left == 1) throw Error(Fault::kInvalid, "the base64 text is cut short");
  if (left >= 2) out.push_back(static_cast<uint8_t>(left == 2 ? bits >> 4 : bits >> 10));
  if (left == 3) out.push_back(static_cast<uint8_t>(bits >> 2));
  return out;
}

std::string encode_base64(std::span<const uint8_t> bytes) {
  const auto digit = [](uint32_t six) { return six < 62 ? kDigits[six] : six == 62 ? '+' : '/'; };
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = std::min<size_t>(bytes.size() - i, 3);
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) bits = bits << 8 | (k < left ? bytes[i + k] : 0u);
    for (size_t k = 0; k < 4; ++k) out += k <= left ? digit(bits >> (18 - 6 * k) & 63) : '=';
  }
  return out;
}

}  // namespace easel::formats
