// Contents that are kept elsewhere, with copies on this machine up to a bound.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "artifacts/blobs.h"
#include "base/mutex.h"

namespace easel::artifacts {

class CachedBlobs final : public BlobStore {
 public:
  // Copies in one folder, which no other process uses; those used longest ago go when they are more than `limit` bytes.
  // One that was used within the last `grace` stays in any case, so that who was given its path can open it. `remote`
  // must outlive this object.
  CachedBlobs(std::filesystem::path folder, uint64_t limit, RemoteBlobs& remote,
              std::chrono::seconds grace = std::chrono::minutes(1));

  Blob put(std::string_view content) override;
  std::filesystem::path get(const Blob& blob) override;
  // Of what is kept elsewhere; copies go by their bound alone.
  void sweep(double seconds, const std::function<std::vector<std::string>(std::vector<std::string>)>& unused) override {
    remote_.sweep(seconds, unused);
  }

  uint64_t bytes() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Copy {
    uint64_t bytes = 0;
    Clock::time_point used;
  };
  // Notes that a copy is used now, and removes others if there are too many.
  void use(const Blob& blob);

  FolderBlobs local_;
  const uint64_t limit_;
  RemoteBlobs& remote_;
  const std::chrono::seconds grace_;
  mutable Mutex mutex_;
  std::map<std::string, Copy> copies_ EASEL_GUARDED_BY(mutex_);
  uint64_t bytes_ EASEL_GUARDED_BY(mutex_) = 0;
};

}  // namespace easel::artifacts
