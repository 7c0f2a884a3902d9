// Results of nodes, kept for the next run.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/lru.h"
#include "engine/signature.h"
#include "node_api/call.h"
#include "node_api/value.h"

namespace easel::engine {

struct Result {
  nodes::Outputs outputs;
  nodes::Ui ui;

  size_t bytes() const;
};
using ResultPtr = std::shared_ptr<const Result>;

// Results by the digest of their signature, up to a number of bytes; the least recently used are dropped. A dropped
// result lives on as long as a pointer to it exists.
class ResultCache {
 public:
  explicit ResultCache(size_t budget_bytes) : entries_(budget_bytes, kMostEntries) {}

  // nullptr when it is not there. Counts as a use.
  ResultPtr find(const std::string& digest) {
    const ResultPtr* found = entries_.find(digest);
    return found ? *found : nullptr;
  }
  // Makes room before. A result that is larger than the budget is not kept.
  void keep(const std::string& digest, ResultPtr result) {
    const size_t bytes = result->bytes();
    entries_.keep(digest, std::move(result), bytes);
  }
  void clear() { entries_.clear(); }
  // Drops the result that was used longest ago. Returns whether there was one.
  bool drop_oldest() {
    if (entries_.size() == 0) return false;
    entries_.drop_oldest();
    return true;
  }
  size_t bytes() const { return entries_.charge(); }

 private:
  static constexpr size_t kMostEntries = 512;  // loaders' results weigh nothing here but keep files open
  Lru<std::string, ResultPtr> entries_;
};

}  // namespace easel::engine
