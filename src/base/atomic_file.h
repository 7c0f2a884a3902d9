// Output files that are either whole or absent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace easel {

// Writes to a temporary file beside `path`; commit() flushes it to disk and renames it into place.
// Without commit() the destructor removes the temporary, so no partial file is ever left behind.
// Throws an Error naming the path: kMemory when there is no room on the disk, kBadFile when it refuses otherwise.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  // Overwrites bytes already written (for headers known only at the end).
  void write_at(uint64_t offset, const void* data, size_t bytes);
  uint64_t position() const { return position_; }
  void commit();
  // Like commit(), but fails with false instead of replacing a file that exists already.
  bool commit_new();

 private:
  void finish();

  std::filesystem::path path_, temp_;
  int fd_ = -1;
  uint64_t position_ = 0;
};

// Writes a whole file at once, atomically.
void write_file(const std::filesystem::path& path, std::string_view content);

// Reads a whole file. Throws Error(kMissing) when it cannot be opened, kBadFile beyond `limit` bytes.
std::string read_file(const std::filesystem::path& path, size_t limit = size_t{1} << 30);

}  // namespace easel
