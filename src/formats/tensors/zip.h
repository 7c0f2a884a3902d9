// The directory of a zip archive. Only stored (uncompressed) entries can be used: torch.save writes no others, and
// without inflation there are no zip bombs.
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
// stored entries share a byte. Throws Error(kBadFile) if the directory is missing, inconsistent or truncated.
std::vector<ZipEntry> read_zip_directory(std::span<const uint8_t> file);

}  // namespace easel::formats
