#include "artifacts/blob_cache.h"

#include <algorithm>

namespace easel::artifacts {

namespace fs = std::filesystem;

CachedBlobs::CachedBlobs(fs::path folder, uint64_t limit, RemoteBlobs& remote, std::chrono::seconds grace)
    : local_(std::move(folder)), limit_(limit), remote_(remote), grace_(grace) {
  const MutexLock lock(mutex_);
  for (const auto& entry : local_.entries()) {
    copies_[entry.blob.sha256] = {entry.blob.bytes, Clock::now() - grace_};
    bytes_ += entry.blob.bytes;
  }
}

void CachedBlobs::use(const Blob& blob) {
  const MutexLock lock(mutex_);
  auto [it, added] = copies_.try_emplace(blob.sha256);
  if (added) bytes_ += blob.bytes;
  const Clock::time_point now = Clock::now();
  it->second = {blob.bytes, now};
  while (bytes_ > limit_) {
    const auto oldest = std::min_element(copies_.begin(), copies_.end(),
                                         [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
    if (oldest->second.used + grace_ > now || oldest->first == blob.sha256) return;
    std::error_code ignored;
    fs::remove(local_.path_of(oldest->first), ignored);
    bytes_ -= oldest->second.bytes;
    copies_.erase(oldest);
  }
}

Blob CachedBlobs::put(std::string_view content) {
  const Blob blob = local_.put(content);
  use(blob);
  remote_.send(blob, content);
  return blob;
}

fs::path CachedBlobs::get(const Blob& blob) {
  if (auto path = local_.find(blob)) {
    use(blob);
    return *path;
  }
  local_.keep(blob, remote_.fetch(blob));
  use(blob);
  return local_.path_of(blob.sha256);
}

uint64_t CachedBlobs::bytes() const {
  const MutexLock lock(mutex_);
  return bytes_;
}

}  // namespace easel::artifacts
