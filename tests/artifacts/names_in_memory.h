// Which name has which content, in memory: for tests of stores of contents.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "artifacts/name_index.h"
#include "artifacts/numbered.h"
#include "base/mutex.h"

namespace easel::artifacts::testing {

// The plainest index there can be.
class NamesInMemory final : public NameIndex {
 public:
  std::optional<Blob> find(const Name& name) const override {
    const MutexLock lock(mutex_);
    const auto it = kept_.find(key(name));
    return it == kept_.end() ? std::nullopt : std::optional(it->second.blob);
  }
  void put(const Name& name, const Blob& blob) override {
    const MutexLock lock(mutex_);
    kept_[key(name)] = {blob, ++clock_};
  }
  Blob put_new(const Name& name, const Blob& blob) override {
    const MutexLock lock(mutex_);
    return kept_.try_emplace(key(name), Kept{blob, ++clock_}).first->second.blob;
  }
  std::string put_numbered(Area area, const std::string& subfolder, const std::string& stem,
                           const std::string& extension, const Blob& blob) override {
    const MutexLock lock(mutex_);
    int64_t last = 0;
    for (const auto& [name, kept] : kept_) {
      const std::string& file = std::get<2>(name);
      if (std::get<0>(name) != area || std::get<1>(name) != subfolder || !file.starts_with(stem + "_")) continue;
      last = std::max<int64_t>(last, std::atoll(file.c_str() + stem.size() + 1));
    }
    std::string file = numbered_name(stem, last + 1, extension);
    kept_[{area, subfolder, file}] = {blob, ++clock_};
    return file;
  }
  void remove(const Name& name) override {
    const MutexLock lock(mutex_);
    kept_.erase(key(name));
  }
  std::vector<std::string> list(Area area) const override {
    const MutexLock lock(mutex_);
    std::vector<std::pair<int64_t, std::string>> found;
    for (const auto& [name, kept] : kept_)
      if (std::get<0>(name) == area && std::get<1>(name).empty()) found.emplace_back(kept.time, std::get<2>(name));
    std::sort(found.rbegin(), found.rend());
    std::vector<std::string> out;
    for (auto& [time, file] : found) out.push_back(std::move(file));
    return out;
  }
  uint64_t bytes_used(Area area) const override {
    const MutexLock lock(mutex_);
    uint64_t bytes = 0;
    for (const auto& [name, kept] : kept_)
      if (std::get<0>(name) == area) bytes += kept.blob.bytes;
    return bytes;
  }
  void expire(Area area, double seconds) override {
    const MutexLock lock(mutex_);
    if (seconds > 0) return;  // nothing is that old
    std::erase_if(kept_, [&](const auto& item) { return std::get<0>(item.first) == area; });
  }
  std::vector<std::string> unused(const std::vector<std::string>& sha256s) const override {
    const MutexLock lock(mutex_);
    std::vector<std::string> out;
    for (const std::string& sha256 : sha256s)
      if (std::none_of(kept_.begin(), kept_.end(), [&](const auto& k) { return k.second.blob.sha256 == sha256; }))
        out.push_back(sha256);
    return out;
  }

 private:
  using Key = std::tuple<Area, std::string, std::string>;
  struct Kept {
    Blob blob;
    int64_t time = 0;
  };
  static Key key(const Name& name) { return {name.area, name.subfolder, name.file}; }
  mutable Mutex mutex_;
  std::map<Key, Kept> kept_ EASEL_GUARDED_BY(mutex_);
  int64_t clock_ EASEL_GUARDED_BY(mutex_) = 0;
};

}  // namespace easel::artifacts::testing
