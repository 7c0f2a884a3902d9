// A PNG file as its chunks, however damaged it is.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace easel::formats {

struct PngChunk {
  std::string_view type;
  std::span<const uint8_t> data;  // as much as the file has of it
  std::span<const uint8_t> all;   // with its length, its type and its checksum
  bool whole = false;             // false: the file ends within it
  bool sound = false;             // its checksum fits
};

// Walks over the chunks after the signature.
class PngChunks {
 public:
  explicit PngChunks(std::span<const uint8_t> file) : rest_(file.subspan(8)) {}
  // False at the end of the file and at what can be no chunk.
  bool next(PngChunk& chunk);

 private:
  std::span<const uint8_t> rest_;
};

// A chunk as it is written, with its checksum.
void append_png_chunk(std::string& out, std::string_view type, std::span<const uint8_t> data);

// A number of 4 bytes or fewer as PNG has them, high byte first.
void append_png_number(std::string& out, uint32_t value, int bytes = 4);
uint32_t png_number(std::span<const uint8_t> data, size_t at);  // 4 bytes, high byte first; 0 beyond the end

}  // namespace easel::formats
