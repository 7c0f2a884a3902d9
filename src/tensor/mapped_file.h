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

// Which file a mapping is of, as it was when it was opened. Empty for memory that is no mapped file.
FileVersion mapped_file(const StorageRef& storage);

// To be called after reading from a mapping. Throws Error(kBadFile), with the file's name, when the file was changed or
// cut short since it was opened, or its disk could not be read: what was read is then zeros or of two files. No effect
// on other memory.
void require_unchanged(const StorageRef& storage);

// Whether a read from the mapping met a page that the file no longer has, or that its disk could not give: zeros were
// read. Never so of other memory.
bool mapping_failed(const StorageRef& storage);

// Tells the system that [data, data+bytes) of a mapping will not be needed again soon, so that its
// pages stop counting as this process's memory. No effect on pooled memory.
void drop_pages(const StorageRef& storage, const void* data, size_t bytes);

}  // namespace easel
