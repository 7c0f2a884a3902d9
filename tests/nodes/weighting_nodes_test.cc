// Weights and keyframes of Advanced-ControlNet as its nodes make them.
#include <gtest/gtest.h>

#include <cmath>

#include "nodes/extensions/controls/index_strengths.h"
#include "nodes/extensions/controls/weighting_links.h"
#include "run_node.h"

namespace easel::nodes {
namespace {

using models::ControlKeyframe;
using models::ControlKeyframesPtr;
using models::ControlWeights;
using models::ControlWeightsPtr;
using models::LatentKeyframesPtr;
using Strengths = std::map<int64_t, double>;

workflow::Literal s(const char* text) { return std::string(text); }

const ControlWeights& weights(const Outputs& made) { return *made.at(0).as<ControlWeightsPtr>(); }
const std::vector<ControlKeyframe>& keyframes(const Value& value) { return value.as<ControlKeyframesPtr>()->all(); }

TEST(ControlWeightNodes, KeepTheirOrder) {
  Typed typed;
  for (int i = 0; i < 13; ++i) typed["weight_" + std::string(i < 10 ? "0" : "") + std::to_string(i)] = 0.1 * i;
  typed["flip_weights"] = true;
  typed["uncond_multiplier"] = 0.5;
  Links links;
  links.emplace("cn_extras", run_node("ACN_ExtrasMiddleMult", {{"middle_mult", 3.0}}));
  const Outputs made = run_node_outputs("CustomControlNetWeights", typed, links);
  const ControlWeights& w = weights(made);
  EXPECT_EQ(w.kind, ControlWeights::Kind::kControlNet);
  ASSERT_EQ(w.output.size(), 12u);
  for (size_t i = 0; i < 12; ++i) EXPECT_DOUBLE_EQ(w.output[i], 0.1 * static_cast<double>(i));
  EXPECT_DOUBLE_EQ(w.middle.value(), 0.1 * 12);
  EXPECT_DOUBLE_EQ(w.uncond, 0.5);
  EXPECT_DOUBLE_EQ(w.middle_mult, 3.0);
  // The second output is a keyframe with these weights for all of the sampling.
  ASSERT_EQ(keyframes(made.at(1)).size(), 1u);
  EXPECT_EQ(keyframes(made.at(1))[0].weights, made.at(0).as<ControlWeightsPtr>());
  const ControlWeights soft = weights(run_node_outputs("ACN_SoftControlNetWeightsSD15", {}));
  for (size_t i = 0; i < 12; ++i) EXPECT_NEAR(soft.output[i], std::pow(0.825, 12.0 - static_cast<double>(i)), 1e-12);
  EXPECT_EQ(weights(run_node_outputs("SoftT2IAdapterWeights", {})).input,
            (std::vector<double>{0.25, 0.62, 0.825, 1.0}));
}

TEST(ControlWeightNodes, BringMasksBetweenTwoValues) {
  Tensor mask({1, 2, 3});
  for (int64_t i = 0; i < 6; ++i) mask.f32()[i] = 0.2f + 0.1f * static_cast<float>(i);
  const auto made = [](const Tensor& values) {
    Links links;
    links.emplace("mask", computed<Mask>(values));
    return weights(run_node_outputs("ScaledSoftMaskedUniversalWeights",
                                    {{"min_base_multiplier", 0.3}, {"max_base_multiplier", 0.8}}, links))
        .mask;
  };
  const Tensor out = made(mask);
  for (int64_t i = 0; i < 6; ++i) EXPECT_NEAR(out.f32()[i], 0.3 + 0.1 * static_cast<double>(i), 1e-6);
  EXPECT_NEAR(made(Tensor::full({1, 2, 3}, 0.4f)).f32()[2], 0.8, 1e-6) << "an even mask";
}

TEST(TimestepKeyframes, AreSortedAndInterpolated) {
  Links links;
  links.emplace("prev_timestep_kf", run_node("TimestepKeyframe", {{"start_percent", 0.6}, {"strength", 0.25}}));
  const auto two =
      keyframes(run_node("TimestepKeyframe",
                         {{"start_percent", 0.3}, {"guarantee_steps", int64_t{4}}, {"inherit_missing", false}}, links));
  ASSERT_EQ(two.size(), 3u) << "the first changes nothing from the beginning on";
  EXPECT_EQ(two[0].guarantee_steps, 0);
  EXPECT_EQ(two[1].start_percent, 0.3);
  EXPECT_EQ(two[1].guarantee_steps, 4);
  EXPECT_FALSE(two[1].inherit_missing);
  EXPECT_EQ(two[2].strength, 0.25);
  const auto eased = keyframes(run_node("ACN_TimestepKeyframeInterpolation", {{"start_percent", 0.2},
                                                                              {"end_percent", 0.8},
                                                                              {"strength_start", 1.0},
                                                                              {"strength_end", 0.0},
                                                                              {"interpolation", s("ease-in")},
                                                                              {"intervals", int64_t{4}}}));
  ASSERT_EQ(eased.size(), 5u);
  for (size_t i = 0; i < 4; ++i) {
    const double t = static_cast<double>(i) / 3.0;
    EXPECT_NEAR(eased[i + 1].start_percent, 0.2 + 0.6 * t, 1e-6);
    EXPECT_NEAR(eased[i + 1].strength, 1.0 - t * t, 1e-9);
    EXPECT_EQ(eased[i + 1].guarantee_steps, i == 0 ? 1 : 0);
  }
  Links list;
  list.emplace("float_strengths", computed<NumberList>(NumberList{{0.5, 0.75}}));
  const auto listed = keyframes(run_node("ACN_TimestepKeyframeFromStrengthList", {}, list));
  ASSERT_EQ(listed.size(), 3u);
  EXPECT_EQ(listed[2].start_percent, 1.0);
  EXPECT_EQ(listed[2].strength, 0.75);
}

TEST(LatentKeyframes, AreReadFromTexts) {
  EXPECT_EQ(parse_index_strengths("0=0.5, 2:5=0.8, 7", 0).all(),
            (Strengths{{0, 0.5}, {2, 0.8}, {3, 0.8}, {4, 0.8}, {7, 1.0}}));
  EXPECT_EQ(parse_index_strengths("-1=0.5,-3:-1 = 2", 5).all(), (Strengths{{2, 2.0}, {3, 2.0}, {4, 0.5}}));
  EXPECT_EQ(parse_index_strengths("3:99", 5).all(), (Strengths{{3, 1.0}, {4, 1.0}}));
  EXPECT_TRUE(parse_index_strengths("", 5).all().empty());
  for (const char* bad : {"a", "1=", "1=b", "1=-0.5", "1,", ":", "-1", "1=nan"})
    EXPECT_THROW(parse_index_strengths(bad, 0), Error) << bad;
  EXPECT_THROW(parse_index_strengths("5", 5), Error);
  EXPECT_THROW(parse_index_strengths("-6", 5), Error);
  EXPECT_THROW(parse_index_strengths("0:99999999999", 0), Error);
  EXPECT_EQ(parse_index_strengths("0:50000, 0:50000", 0).all().size(), 50000u);
  EXPECT_THROW(parse_index_strengths("0:50000, 0:50000, 7", 0), Error) << "short texts must not be long work";
}

TEST(LatentKeyframes, ThoseBeforeComeFirst) {
  const Value before = run_node("LatentKeyframe", {{"batch_index", int64_t{1}}, {"strength", 0.1}});
  Links links;
  links.emplace("prev_latent_kf", before);
  const auto all = [](const Value& value) { return value.as<LatentKeyframesPtr>()->all(); };
  EXPECT_EQ(all(run_node("LatentKeyframeTiming",
                         {{"batch_index_from", int64_t{0}},
                          {"batch_index_to_excl", int64_t{3}},
                          {"strength_from", 1.0},
                          {"strength_to", 0.0},
                          {"interpolation", s("linear")}},
                         links)),
            (Strengths{{0, 1.0}, {1, 0.1}, {2, 0.0}}));
  EXPECT_EQ(all(run_node("LatentKeyframe", {{"batch_index", int64_t{1}}, {"strength", 0.7}}, links)),
            (Strengths{{1, 0.7}}))
      << "a single one takes the place of the one before";
  links.emplace("float_strengths", computed<NumberList>(NumberList{{0.5, 0.6}}));
  EXPECT_EQ(all(run_node("LatentKeyframeBatchedGroup", {}, links)), (Strengths{{0, 0.5}, {1, 0.1}}));
}

}  // namespace
}  // namespace easel::nodes
