// Zip archives with whatever a test wants to be wrong in them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace easel::testing {

struct ZipPart {
  std::string name, content;
  uint16_t method = 0, flags = 0;
  // What the directory claims; -1: the truth.
  int64_t claimed_size = -1, claimed_offset = -1;
};

inline void put_le(std::string& out, uint64_t value, int width) {
  for (int i = 0; i < width; ++i) out += static_cast<char>(value >> (8 * i));
}

inline std::string build_zip(const std::vector<ZipPart>& parts) {
  std::string file, list;
  for (const ZipPart& p : parts) {
    const uint64_t size = p.claimed_size >= 0 ? static_cast<uint64_t>(p.claimed_size) : p.content.size();
    const uint64_t offset = p.claimed_offset >= 0 ? static_cast<uint64_t>(p.claimed_offset) : file.size();
    put_le(list, 0x02014b50, 4);
    put_le(list, 20 | uint64_t{20} << 16, 4);
    put_le(list, p.flags, 2);
    put_le(list, p.method, 2);
    put_le(list, 0, 8);
    put_le(list, size, 4);
    put_le(list, size, 4);
    put_le(list, p.name.size(), 2);
    put_le(list, 0, 8);
    put_le(list, 0, 4);
    put_le(list, offset, 4);
    list += p.name;

    put_le(file, 0x04034b50, 4);
    put_le(file, 20, 2);
    put_le(file, p.flags, 2);
    put_le(file, p.method, 2);
    put_le(file, 0, 8);
    put_le(file, size, 4);
    put_le(file, size, 4);
    put_le(file, p.name.size(), 2);
    put_le(file, 0, 2);
    file += p.name + p.content;
  }
  std::string end;
  put_le(end, 0x06054b50, 4);
  put_le(end, 0, 4);
  put_le(end, parts.size() | parts.size() << 16, 4);
  put_le(end, list.size(), 4);
  put_le(end, file.size(), 4);
  put_le(end, 0, 2);
  return file + list + end;
}

}  // namespace easel::testing
