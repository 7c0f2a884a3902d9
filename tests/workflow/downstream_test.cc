#include "workflow/downstream.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace easel::workflow {
namespace {

using Nodes = std::vector<size_t>;

Nodes sorted(Nodes nodes) {
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

TEST(Downstream, IsWhatDependsOnANode) {
  Downstream downstream(7);
  // 0 -> 1 -> 3 -> 4, 0 -> 2 -> 3, 5 -> 4; nothing from 6, and 4 takes two things from 3.
  for (const auto& [up, node] :
       std::vector<std::pair<size_t, size_t>>{{0, 1}, {0, 2}, {1, 3}, {2, 3}, {3, 4}, {3, 4}, {5, 4}})
    downstream.add(up, node);
  EXPECT_EQ(sorted(downstream.of(0)), (Nodes{0, 1, 2, 3, 4}));
  EXPECT_EQ(sorted(downstream.of(5)), (Nodes{4, 5}));
  EXPECT_EQ(downstream.of(4), Nodes{4});
  EXPECT_EQ(downstream.of(6), Nodes{6});
  EXPECT_EQ(sorted(downstream.of_all({2, 5, 6})), (Nodes{2, 3, 4, 5, 6}));
  EXPECT_EQ(downstream.of_all({}), Nodes{});
}

// A chain in which each node is asked for: that would be 50 million steps.
TEST(Downstream, SaysLessWhenItIsAskedForVeryMuch) {
  constexpr size_t kNodes = 10000;
  Downstream downstream(kNodes);
  for (size_t node = 1; node < kNodes; ++node) downstream.add(node - 1, node);
  size_t said = 0;
  for (size_t node = 0; node < kNodes; ++node) said += downstream.of(node).size();
  EXPECT_EQ(said, kNodes + (size_t{1} << 20)) << "themselves, and one for each step";
  EXPECT_EQ(downstream.of_all({0}).size(), kNodes);
}

}  // namespace
}  // namespace easel::workflow
