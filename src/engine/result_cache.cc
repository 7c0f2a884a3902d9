#include "engine/result_cache.h"

#include <algorithm>

namespace easel::engine {

namespace {

// Loaders' results weigh nothing here but keep files open.
constexpr size_t kMaxEntries = 512;

}  // namespace

size_t Result::bytes() const {
  size_t sum = 0;
  for (const nodes::Value& value : outputs) sum += value.bytes();
  return sum;
}

ResultPtr ResultCache::find(const std::string& digest) {
  const auto it = entries_.find(digest);
  if (it == entries_.end()) return nullptr;
  it->second.last_use = ++clock_;
  return it->second.result;
}

void ResultCache::keep(const std::string& digest, ResultPtr result) {
  const size_t bytes = result->bytes();
  if (const auto old = entries_.find(digest); old != entries_.end()) {
    bytes_ -= old->second.bytes;
    entries_.erase(old);
  }
  if (bytes > budget_) return;
  while (!entries_.empty() && (bytes_ + bytes > budget_ || entries_.size() >= kMaxEntries)) drop_oldest();
  entries_[digest] = {std::move(result), bytes, ++clock_};
  bytes_ += bytes;
}

void ResultCache::drop_oldest() {
  const auto oldest = std::min_element(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
    return a.second.last_use < b.second.last_use;
  });
  bytes_ -= oldest->second.bytes;
  entries_.erase(oldest);
}

}  // namespace easel::engine
