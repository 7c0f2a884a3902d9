// Binary data in text (RFC 4648).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace easel::formats {

// Decodes base64 in the standard or the URL alphabet, padded or not. White space and the prefix of a data URL
// ("data:image/png;base64,") are ignored. Throws Error(kInvalid) for any other character and for truncated text.
std::vector<uint8_t> decode_base64(std::string_view text);

// Encodes bytes as base64 in the standard alphabet, with padding.
std::string encode_base64(std::span<const uint8_t> bytes);

}  // namespace easel::formats
