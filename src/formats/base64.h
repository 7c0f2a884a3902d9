// Binary data in text (RFC 4648).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace easel::formats {

// The bytes that a base64 text stands for, in the plain or the URL alphabet, padded or not. White space and the
// beginning of a data URL ("data:image/png;base64,") are passed over.
// Throws Error(kInvalid) for any other character and for a text that is cut short.
std::vector<uint8_t> decode_base64(std::string_view text);

// The bytes as base64 text, in the plain alphabet and padded.
std::string encode_base64(std::span<const uint8_t> bytes);

}  // namespace easel::formats
