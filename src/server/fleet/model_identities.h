// What model files are, by the SHA-256 of their bytes, so that machines that call them alike agree on which is meant.
#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <string>

#include "base/mutex.h"

namespace easel::server {

// Digests take seconds for each gigabyte. They are kept in a file, and made again only for files that have changed.
// Thread-safe.
class ModelIdentities {
 public:
  // A file that cannot be read as such is begun anew.
  explicit ModelIdentities(std::filesystem::path kept_in);

  // "sha256:..." of the file as it is now; empty while that is not known.
  std::string known(const std::filesystem::path& file) const;
  // Reads the file if that is not known, and keeps what comes out. False when `stop` was set meanwhile, or the file
  // cannot be read.
  bool learn(const std::filesystem::path& file, const std::atomic<bool>& stop);

 private:
  struct Known {
    std::string version, identity;
  };
  void keep() const EASEL_REQUIRES(mutex_);

  const std::filesystem::path kept_in_;
  mutable Mutex mutex_;
  std::map<std::string, Known> known_ EASEL_GUARDED_BY(mutex_);  // by path
};

}  // namespace easel::server
