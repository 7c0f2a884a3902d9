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

// What has been foreseen lately, by the digest of the node's signature: what has not changed is not looked at again,
// and no file is opened for it. Thread-safe.
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

// Looks at the nodes of a prompt, in the order of their dependencies: runs what reads headers only (loaders), and asks
// the others for their foresight.
class Foresight {
 public:
  // All must outlive it. `context` is what nodes get; its events are not used.
  Foresight(const workflow::Prompt& prompt, const nodes::Table& table, const nodes::Context& context,
            Signatures& signatures, ForesightCache& cache)
      : prompt_(prompt), table_(table), context_(context), signatures_(signatures), cache_(cache) {}

  // What is known of the node; nodes it depends on that have not been looked at, or could not be, count as unknown.
  // Throws what the node throws.
  const PlannedNode& look_at(const workflow::PromptNode& node);
  // Takes over what a plan knows of the node, when that still holds. Returns whether it does.
  bool take_over(const workflow::PromptNode& node, const PlannedNode& known);
  // Leaves the node out: nothing is known of it.
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
  std::set<std::string> kept_;  // of which as much is known as their signature allows
};

// Looks at everything the output nodes depend on, but for nodes with faults. What is known becomes the plan's; what
// does not go together is added to its faults, and outputs that depend on it are no longer runnable. Does nothing when
// links or classes are at fault, since then nobody knows what goes where. Throws Error(kCancelled).
void foresee(Plan& plan, const std::vector<std::string>& outputs, const nodes::Table& table, Foresight& foresight,
             const CancelToken& cancel);

}  // namespace easel::engine
