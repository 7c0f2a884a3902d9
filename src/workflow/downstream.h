// What depends on what, of nodes that are numbered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace easel::workflow {

class Downstream {
 public:
  // Of nodes 0 to count - 1, none of which depends on another yet.
  explicit Downstream(size_t count) : after_(count), seen_(count, 0) {}
  // `node` takes something from `up`.
  void add(size_t up, size_t node) { after_[up].push_back(node); }

  // Everything that depends on these nodes, and they themselves; each once, if they are.
  std::vector<size_t> of_all(std::vector<size_t> nodes) {
    size_t any = SIZE_MAX;
    return reached(std::move(nodes), any);
  }
  // The same for one node. Less of it once the answers together have taken a million steps from a node to one behind
  // it: a workflow can be made in which very much depends on each of very many nodes.
  std::vector<size_t> of(size_t node) { return reached({node}, left_); }

 private:
  static constexpr size_t kMostSteps = size_t{1} << 20;

  std::vector<size_t> reached(std::vector<size_t> from, size_t& left) {
    ++searches_;
    for (const size_t node : from) seen_[node] = searches_;
    for (size_t next = 0; next < from.size() && left > 0; ++next)
      for (const size_t node : after_[from[next]]) {
        if (left > 0) --left;
        if (std::exchange(seen_[node], searches_) != searches_) from.push_back(node);
      }
    return from;
  }

  std::vector<std::vector<size_t>> after_;
  std::vector<size_t> seen_;  // in which search
  size_t searches_ = 0, left_ = kMostSteps;
};

}  // namespace easel::workflow
