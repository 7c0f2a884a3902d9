// A cache of packed weights on disk, so that a model is packed only once. Off until a folder is set.
//
// There is one file for each model. Blobs are written in the order in which they are packed, and read in the same
// order. The header identifies what was packed, the index each blob, with a hash of its bytes. Blobs of another model,
// version, processor or layout, and damaged ones, are packed again, and the file is replaced.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ops/packer.h"
#include "tensor/storage.h"

namespace easel::models {

// The folder of the cache, and its limit in bytes (0: none). Beyond the limit the least recently used files are
// deleted, but never the one just written. An empty path turns the cache off. The folder is made when it is first
// written to.
struct WeightCacheFolder {
  std::filesystem::path path;
  uint64_t limit = 0;
};
void set_weight_cache(const WeightCacheFolder& folder);
bool weight_cache_is_on();

// The cached weights of one model.
class WeightCache final : public ops::PackedStore {
 public:
  // The cache of the model `name` packed for a device, or null while there is no folder, or for a device whose packed
  // weights are not to be kept. `version` is everything else its packed weights
  // depend on but for the processor and the layout, which are added: a model whose version changes takes the place of
  // the old one.
  static std::shared_ptr<WeightCache> open(const std::string& name, const std::string& version, Device device = kHost);
  // To be called when the model is whole: what is new is written in the background; a failure to write is only logged.
  static void finish(std::shared_ptr<WeightCache> cache);

  WeightCache(std::filesystem::path file, const std::string& identity);
  WeightCache(const WeightCache&) = delete;
  WeightCache& operator=(const WeightCache&) = delete;

  // The next blob, in the mapped file, if the file has it undamaged. Its hash is computed on all threads.
  StorageRef take(uint64_t kind, size_t bytes) override;
  // `storage` stays alive until it is written.
  void keep(uint64_t kind, const StorageRef& storage, size_t bytes) override;

  // What blobs from the file lie in; models read it for as long as they are used. Null without a file.
  const StorageRef& mapping() const { return mapped_; }

  // Whether the file lacks blobs that were asked for or has others, so that it should be written again.
  bool incomplete() const { return missed_ || entries_.size() != found_.size(); }
  // Writes the file, whole or not at all, and makes room in its folder. Throws Error.
  void write() const;
  // Notes that the file was used now.
  void touch() const;

 private:
  struct Entry {
    uint64_t kind = 0, offset = 0, bytes = 0, hash = 0;
  };
  struct Kept {
    uint64_t kind;
    StorageRef storage;
    size_t bytes;
  };
  void read_index();

  std::filesystem::path file_;
  std::string identity_;
  StorageRef mapped_;          // the whole file
  std::vector<Entry> found_;   // in the file
  std::vector<Kept> entries_;  // of the model as it is now
  bool missed_ = false;
};

// Waits until everything is written. Also happens at the end of the program.
void finish_weight_caches();

}  // namespace easel::models
