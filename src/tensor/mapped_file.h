// A file mapped read-only into memory.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "base/files/file_version.h"
#include "tensor/storage.h"

namespace easel {

// The mapping lives until the last handle and the last tensor made from it are gone.
class MappedFile {
 public:
  // Throws Error(kMissing) when the path cannot be opened or is not a regular file.
  static MappedFile open(const std::filesystem::path& path);

  const std::string& path() const { return path_; }
  std::span<const uint8_t> bytes() const { return {static_cast<const uint8_t*>(storage_->data()), storage_->bytes()}; }
  const StorageRef& storage() const { return storage_; }

 private:
  MappedFile(std::string path, StorageRef storage) : path_(std::move(path)), storage_(std::move(storage)) {}
  std::string path_;
  StorageRef storage_;
};

// The file behind a mapping, in the version that was opened. Empty for memory that is not mapped from a file.
FileVersion mapped_file(const StorageRef& storage);

// Call this after reading from a mapping. Throws Error(kBadFile) that names the file if it was changed or truncated
// since it was opened, or if its disk could not be read: the values may then be zeros, or a mixture of two versions. No
// effect on other memory.
void require_unchanged(const StorageRef& storage);

// Whether a read from the mapping returned zeros because the file no longer had the page, or its disk could not be
// read. Always false for other memory.
bool mapping_failed(const StorageRef& storage);

// Tells the system that [data, data+bytes) of a mapping is not needed again soon, so that its pages no longer count as
// memory of this process. No effect on pooled memory.
void drop_pages(const StorageRef& storage, const void* data, size_t bytes);

}  // namespace easel
