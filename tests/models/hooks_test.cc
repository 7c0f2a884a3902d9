// When hooks are how strong.
#include "models/patch/hooks.h"

#include <gtest/gtest.h>

namespace easel::models {
namespace {

class Nothing final : public HookSource {
 public:
  nn::WeightPatchPtr for_model(const ModelHandle&, double) const override { return nullptr; }
  TextEncoder::TowerPatches for_text(const TextEncoder&, double) const override { return {}; }
};

HookKeyframes keyframes(const std::vector<HookKeyframe>& all) {
  HookKeyframes out;
  for (const HookKeyframe& keyframe : all) out = out.with(keyframe);
  return out;
}

// The strengths at falling noise levels; a keyframe's start is the level of 1 - its percent, times ten.
std::vector<double> strengths(const HookKeyframes& all, const std::vector<float>& sigmas) {
  std::vector<float> starts;
  for (const HookKeyframe& k : all.all())
    starts.push_back(k.start_percent <= 0 ? 999999999.9f : static_cast<float>(10 * (1 - k.start_percent)));
  KeyframeClock clock(all, starts, sigmas.front());
  std::vector<double> out;
  for (const float sigma : sigmas) {
    clock.advance(sigma);
    out.push_back(clock.strength());
  }
  return out;
}

using Values = std::vector<double>;

TEST(HookKeyframes, StandInTheOrderOfTheirStarts) {
  const HookKeyframes all = keyframes({{.strength = 1, .start_percent = 0.5},
                                       {.strength = 2, .start_percent = 0.0},
                                       {.strength = 3, .start_percent = 0.5},
                                       {.strength = 4, .start_percent = 0.25}});
  Values order;
  for (const HookKeyframe& k : all.all()) order.push_back(k.strength);
  EXPECT_EQ(order, (Values{2, 4, 1, 3}));
}

TEST(HookKeyframes, CountFromTheirStartOn) {
  const HookKeyframes all =
      keyframes({{.strength = 1}, {.strength = 0.5, .start_percent = 0.4}, {.strength = 0, .start_percent = 0.8}});
  EXPECT_EQ(strengths(all, {10, 8, 6, 4, 2, 1}), (Values{1, 1, 0.5, 0.5, 0, 0}));
  EXPECT_EQ(strengths(keyframes({}), {10, 5}), (Values{1, 1}));
}

// A keyframe that a step leaps over is held for its guaranteed steps nevertheless.
TEST(HookKeyframes, AreHeldForTheStepsThatAreGuaranteed) {
  const auto with = [](int steps) {
    return keyframes({{.strength = 1},
                      {.strength = 0.5, .start_percent = 0.2, .guarantee_steps = steps},
                      {.strength = 0.25, .start_percent = 0.3}});
  };
  EXPECT_EQ(strengths(with(0), {10, 5, 4, 3}), (Values{1, 0.25, 0.25, 0.25}));
  EXPECT_EQ(strengths(with(1), {10, 5, 4, 3}), (Values{1, 0.5, 0.25, 0.25}));
  EXPECT_EQ(strengths(with(2), {10, 5, 4, 3}), (Values{1, 0.5, 0.5, 0.25}));
  // What began before the run is not held.
  EXPECT_EQ(strengths(with(2), {7, 5, 4}), (Values{0.25, 0.25, 0.25}));
}

TEST(HookKeyframes, TwoEvaluationsAtOneLevelAreOneStep) {
  const HookKeyframes all = keyframes({{.strength = 1},
                                       {.strength = 0.5, .start_percent = 0.2, .guarantee_steps = 2},
                                       {.strength = 0, .start_percent = 0.3}});
  EXPECT_EQ(strengths(all, {10, 5, 5, 4, 4, 3}), (Values{1, 0.5, 0.5, 0.5, 0.5, 0}));
}

TEST(HookGroups, HoldEachHookOnce) {
  const auto a = HookGroup::of({.source = std::make_shared<Nothing>()});
  const auto b = HookGroup::of({.source = std::make_shared<Nothing>(), .strength_model = 0.5});
  EXPECT_EQ(combined(combined(a, b), a)->all().size(), 2u);
  EXPECT_EQ(combined(nullptr, a), a);
  EXPECT_EQ(combined(nullptr, nullptr), nullptr);
  // The first one's keyframes count.
  const auto timed = a->scheduled(std::make_shared<const HookKeyframes>(keyframes({{.strength = 0}})));
  EXPECT_TRUE(combined(timed, a)->all()[0].keyframes);
  EXPECT_FALSE(combined(a, timed)->all()[0].keyframes);
}

}  // namespace
}  // namespace easel::models
