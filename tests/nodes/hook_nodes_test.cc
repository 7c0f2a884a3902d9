// Hooks that nodes add to conditionings: entries of one group stay of one group, by which they share a network.
#include <gtest/gtest.h>

#include "nodes/conditioning/hook_links.h"
#include "run_node.h"

namespace easel::nodes {
namespace {

using models::Conditioning;
using models::HookGroupPtr;

class Nothing final : public models::HookSource {
 public:
  nn::WeightPatchPtr for_model(const models::ModelHandle&, double) const override { return nullptr; }
  models::TextEncoder::TowerPatches for_text(const models::TextEncoder&, double) const override { return {}; }
};

HookGroupPtr group() { return models::HookGroup::of({.source = std::make_shared<const Nothing>()}); }

// An entry for each group.
Conditioning entries(const std::vector<HookGroupPtr>& groups) {
  Conditioning out;
  for (const HookGroupPtr& hooks : groups) {
    out.emplace_back();
    out.back().cond = Tensor::zeros({1, 77, 8});
    out.back().hooks = hooks;
  }
  return out;
}

std::vector<HookGroupPtr> groups_of(const Value& value) {
  std::vector<HookGroupPtr> out;
  for (const models::ConditioningEntry& entry : value.as<Conditioning>()) out.push_back(entry.hooks);
  return out;
}

Links links(std::initializer_list<std::pair<const char*, Conditioning>> lists, const HookGroupPtr& hooks) {
  Links out;
  for (const auto& [name, list] : lists) out.emplace(name, computed<Conditioning>(list));
  out.emplace("hooks", computed<HookGroupPtr>(hooks));
  return out;
}

const Typed kMask{{"strength", 1.0}, {"set_cond_area", std::string("default")}};

TEST(HookNodes, EntriesOfOneGroupStayOfOneGroup) {
  const HookGroupPtr a = group(), b = group(), more = group();
  const auto pair = run_node_outputs(
      "PairConditioningSetProperties", kMask,
      links({{"positive_NEW", entries({a, b, a, nullptr})}, {"negative_NEW", entries({b, nullptr, a})}}, more));
  const auto positive = groups_of(pair.at(0)), negative = groups_of(pair.at(1));
  ASSERT_EQ(positive.size(), 4u);
  ASSERT_EQ(negative.size(), 3u);
  EXPECT_EQ(positive[0]->all().size(), 2u);
  EXPECT_EQ(positive[0], positive[2]);
  EXPECT_NE(positive[0], positive[1]);
  EXPECT_EQ(positive[3], more);
  EXPECT_EQ(negative, (std::vector<HookGroupPtr>{positive[1], more, positive[0]}));
}

TEST(HookNodes, DefaultsOfOneGroupStayOfOneGroup) {
  const HookGroupPtr a = group();
  const auto pair = run_node_outputs("PairConditioningSetDefaultCombine", {},
                                     links({{"positive", {}},
                                            {"negative", {}},
                                            {"positive_DEFAULT", entries({a, a})},
                                            {"negative_DEFAULT", entries({a})}},
                                           group()));
  const auto positive = groups_of(pair.at(0)), negative = groups_of(pair.at(1));
  ASSERT_EQ(positive.size(), 2u);
  ASSERT_EQ(negative.size(), 1u);
  EXPECT_EQ(positive[0]->all().size(), 2u);
  EXPECT_EQ(positive[0], positive[1]);
  EXPECT_EQ(positive[0], negative[0]);
}

}  // namespace
}  // namespace easel::nodes
