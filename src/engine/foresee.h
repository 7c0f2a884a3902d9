// Determines before anything is computed what the nodes of a prompt will return, and whether their models fit together.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/mutex.h"
#include "engine/plan.h"
#include "engine/signature.h"
#include "node_api/context.h"
#include "node_api/table.h"

namespace easel::engine {

// The newest findings, by the digest of the node's signature: a node that has not changed is not checked again, and no
// file is opened for it. Thread-safe.
class ForesightCache {
 public:
  ForeseenPtr find(const std::string& digest) EASEL_EXCLUDES(mutex_);
  void keep(const std::string& digest, ForeseenPtr foreseen) EASEL_EXCLUDES(mutex_);
  void clear() EASEL_EXCLUDES(mutex_);

 private:
  struct Entry {
    ForeseenPtr foreseen;
    uint64_t last_use = 0;
  };
  Mutex mutex_;
  std::map<std::string, Entry> entries_ EASEL_GUARDED_BY(mutex_);
  uint64_t clock_ EASEL_GUARDED_BY(mutex_) = 0;
};

// Checks the nodes of a prompt in the order of their dependencies: runs the nodes that only read headers (loaders), and
// asks the others for their foresight.
class Foresight {
 public:
  // All arguments must outlive this object. Nodes get `context`; its events are not used.
  Foresight(const workflow::Prompt& prompt, const nodes::Table& table, const nodes::Context& context,
            Signatures& signatures, ForesightCache& cache)
      : prompt_(prompt), table_(table), context_(context), signatures_(signatures), cache_(cache) {}

  // What is known about the node; nodes before it that have not been checked, or could not be, count as unknown.
  // Throws what the node throws.
  const PlannedNode& look_at(const workflow::PromptNode& node);
  // Takes over what a plan knows about the node, if it still holds. Returns whether it does.
  bool take_over(const workflow::PromptNode& node, const PlannedNode& known);
  // Leaves the node out: nothing is known about it.
  void skip(const workflow::PromptNode& node) { signatures_.of(node.id); }

  std::map<std::string, PlannedNode>& nodes() { return nodes_; }

 private:
  ForeseenPtr ask(const workflow::PromptNode& node);
  bool may_be_kept(const workflow::PromptNode& node);

  const workflow::Prompt& prompt_;
  const nodes::Table& table_;
  const nodes::Context& context_;
  Signatures& signatures_;
  ForesightCache& cache_;
  std::map<std::string, PlannedNode> nodes_;
  std::set<std::string> kept_;  // the nodes about which everything is known that can be known
};

// Checks all nodes that the output nodes depend on, except those with faults. The plan gets the findings; models that
// do not fit each other are added to its faults, and outputs that depend on them are no longer runnable. Does nothing
// if links or classes are at fault, because the connections are not known then. Throws Error(kCancelled).
void foresee(Plan& plan, const std::vector<std::string>& outputs, const nodes::Table& table, Foresight& foresight,
             const CancelToken& cancel);

}  // namespace easel::engine
