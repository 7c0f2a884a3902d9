// Where the entries of a zip archive lie. Only stored (not compressed) entries can be used: torch.save
// writes nothing else, and what is never inflated cannot be a bomb.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace easel::formats {

struct ZipEntry {
  std::string name;
  std::span<const uint8_t> data;  // inside the archive's bytes; empty when not `stored`
  bool stored = false;            // false: compressed or encrypted
};

// All entries in directory order, zip64 included. Every offset and length is checked against the file, and no two
// stored entries share a byte. Throws Error(kBadFile) when the directory is missing, lies, or is cut short.
std::vector<ZipEntry> read_zip_directory(std::span<const uint8_t> file);

}  // namespace easel::formats
