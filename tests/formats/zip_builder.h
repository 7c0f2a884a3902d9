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
  for (int i = 0; i < width; ++i) out += static_cast<char>(i < 8 ? value >> (8 * i) : 0);
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

// One stored entry whose sizes and place stand in zip64 fields only. `extra_bytes` is the length the zip64 extra
// field claims (24 is right), `record` where the locator says the zip64 directory lies (-1: the truth).
inline std::string build_zip64(const std::string& name, const std::string& content, uint16_t extra_bytes = 24,
                               int64_t record = -1) {
  std::string file;
  put_le(file, 0x04034b50, 4);
  put_le(file, 45, 2);
  put_le(file, 0, 12);
  put_le(file, 0xffffffff, 4);
  put_le(file, 0xffffffff, 4);
  put_le(file, name.size(), 2);
  put_le(file, 0, 2);
  file += name + content;
  const size_t directory = file.size();
  put_le(file, 0x02014b50, 4);
  put_le(file, 45 | uint64_t{45} << 16, 4);
  put_le(file, 0, 12);
  put_le(file, 0xffffffff, 4);
  put_le(file, 0xffffffff, 4);
  put_le(file, name.size(), 2);
  put_le(file, 4u + 24u, 2);
  put_le(file, 0, 2 + 2 + 2 + 4);
  put_le(file, 0xffffffff, 4);
  file += name;
  put_le(file, 1, 2);
  put_le(file, extra_bytes, 2);
  put_le(file, content.size(), 8);
  put_le(file, content.size(), 8);
  put_le(file, 0, 8);
  const size_t end = file.size();
  put_le(file, 0x06064b50, 4);
  put_le(file, 44, 8);
  put_le(file, 0, 4 + 4 + 4);
  put_le(file, 1, 8);
  put_le(file, 1, 8);
  put_le(file, end - directory, 8);
  put_le(file, directory, 8);
  put_le(file, 0x07064b50, 4);
  put_le(file, 0, 4);
  put_le(file, record >= 0 ? static_cast<uint64_t>(record) : end, 8);
  put_le(file, 1, 4);
  put_le(file, 0x06054b50, 4);
  put_le(file, 0, 4);
  put_le(file, 0xffffffff, 4);
  put_le(file, 0xffffffff, 4);
  put_le(file, 0xffffffff, 4);
  put_le(file, 0, 2);
  return file;
}

}  // namespace easel::testing
