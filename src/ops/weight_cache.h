// Packed weights on disk, so that a model that was packed once is mapped the next time. Off until a folder is set.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tensor/storage.h"

namespace easel::ops {

// Where packed weights are kept; empty: nowhere. The folder is made when first written to.
void set_weight_cache_folder(const std::filesystem::path& folder);

// What is kept of one model. Packing weights asks for the next blob before it packs, and hands over what it packed:
// a model always packs in the same order, and each blob says what it is, so that nothing wrong is ever taken.
class WeightCache {
 public:
  WeightCache(std::filesystem::path file, const std::string& identity);

  struct Blob {
    StorageRef storage;
    const void* data = nullptr;  // null: not there, or damaged
  };
  // The next blob, if the file has it: `kind` says what it must be, `bytes` how long.
  Blob take(uint64_t kind, size_t bytes);
  // What was packed instead of the blob last asked for. `storage` stays alive until it is written.
  void keep(uint64_t kind, const StorageRef& storage, const void* data, size_t bytes);

  // Whether take() failed at least once, so that the file is worth writing anew.
  bool incomplete() const { return missed_ || entries_.size() != found_.size(); }
  // Writes the file, whole or not at all. Throws Error.
  void write() const;

  // The cache of the model being built on this thread, or null.
  static WeightCache* current();

 private:
  friend class WeightCacheScope;
  struct Entry {
    uint64_t kind = 0, offset = 0, bytes = 0, hash = 0;
  };
  struct Kept {
    uint64_t kind;
    StorageRef storage;
    const void* data;
    size_t bytes;
  };
  void read_index();

  std::filesystem::path file_;
  std::string identity_;
  StorageRef mapping_;
  std::vector<Entry> found_;   // in the file
  std::vector<Kept> entries_;  // of the model as it is now
  bool missed_ = false;
};

// While it lives, weights packed on this thread go through the cache of one model. `identity` says everything the
// packed weights depend on: the file and its version, the part of it, the compute type, patches. When it ends, what
// is new is written in the background; a failure to write is only logged.
class WeightCacheScope {
 public:
  explicit WeightCacheScope(const std::string& identity);
  ~WeightCacheScope();
  WeightCacheScope(const WeightCacheScope&) = delete;
  WeightCacheScope& operator=(const WeightCacheScope&) = delete;

 private:
  std::shared_ptr<WeightCache> cache_;
  WeightCache* before_ = nullptr;
};

// Waits until everything is written. Called at the end of the program by itself.
void finish_weight_caches();

}  // namespace easel::ops
