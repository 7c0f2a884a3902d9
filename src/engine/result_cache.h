// Results of nodes, kept for the next run.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

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

// Results by the digest of their signature. Holds at most so many bytes, and drops what was used longest ago; what
// someone holds a pointer to lives on with them.
class ResultCache {
 public:
  explicit ResultCache(size_t budget_bytes) : budget_(budget_bytes) {}

  // nullptr when it is not there. Counts as a use.
  ResultPtr find(const std::string& digest);
  // Makes room before. A result that is larger than the budget is not kept.
  void keep(const std::string& digest, ResultPtr result);
  void clear() { entries_.clear(), bytes_ = 0; }
  size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    ResultPtr result;
    size_t bytes = 0;
    uint64_t last_use = 0;
  };
  void drop_oldest();

  std::map<std::string, Entry> entries_;
  size_t budget_, bytes_ = 0;
  uint64_t clock_ = 0;
};

}  // namespace easel::engine
