#include "formats/png/png_chunks.h"

#include <zlib.h>

#include <algorithm>

namespace easel::formats {
namespace {

uint32_t checksum(std::span<const uint8_t> bytes) {
  uLong crc = crc32(0, nullptr, 0);
  return static_cast<uint32_t>(crc32_z(crc, bytes.data(), bytes.size()));
}

}  // namespace

uint32_t png_number(std::span<const uint8_t> data, size_t at) {
  if (at > data.size() || data.size() - at < 4) return 0;
  return static_cast<uint32_t>(data[at]) << 24 | static_cast<uint32_t>(data[at + 1]) << 16 |
         static_cast<uint32_t>(data[at + 2]) << 8 | data[at + 3];
}

void append_png_number(std::string& out, uint32_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i));
}

bool PngChunks::next(PngChunk& chunk) {
  if (rest_.size() < 8) return false;
  const auto letter = [](uint8_t c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  if (!std::all_of(rest_.begin() + 4, rest_.begin() + 8, letter)) return false;
  const size_t length = png_number(rest_, 0), there = std::min(length, rest_.size() - 8);
  chunk.type = {reinterpret_cast<const char*>(rest_.data()) + 4, 4};
  chunk.data = rest_.subspan(8, there);
  chunk.whole = there == length && rest_.size() - 8 - length >= 4;
  chunk.sound = chunk.whole && checksum(rest_.subspan(4, 4 + length)) == png_number(rest_, 8 + length);
  chunk.all = rest_.first(chunk.whole ? length + 12 : rest_.size());
  rest_ = rest_.subspan(chunk.all.size());
  return true;
}

void append_png_chunk(std::string& out, std::string_view type, std::span<const uint8_t> data) {
  append_png_number(out, static_cast<uint32_t>(data.size()));
  const size_t start = out.size();
  out.append(type);
  out.append(reinterpret_cast<const char*>(data.data()), data.size());
  append_png_number(out, checksum({reinterpret_cast<const uint8_t*>(out.data()) + start, out.size() - start}));
}

}  // namespace easel::formats
