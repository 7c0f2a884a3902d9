// What scales the residuals of control networks, against what Advanced-ControlNet's code gives, worked out in f64.
#include "models/control/control_weighting.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>

#include "image/scale/resize.h"
#include "models/control/control_lora.h"
#include "models_support.h"
#include "sampling/schedule/discrete_sampling.h"

namespace easel::models {
namespace {

const sampling::DiscreteSampling kLevels(sampling::RootLinearBetas{.timesteps = 1000, .first = 0.00085, .last = 0.012},
                                         sampling::Prediction::kEps);
const Shape kLatent{4, 8, 6, 4};  // two chunks of two pictures
constexpr float kHighest = 14.6f;

ControlLink link_with(ControlWeighting weighting, bool adapter = false) {
  ControlLink link;
  link.net.t2i_adapter = adapter;
  link.weighting = std::make_shared<const ControlWeighting>(std::move(weighting));
  return link;
}

ControlWeighting with(ControlWeights weights) {
  ControlWeighting out;
  out.weights = std::make_shared<const ControlWeights>(std::move(weights));
  return out;
}

// Twelve maps of ones as a ControlNet gives them, each half as large as the one before from the third on.
ControlResiduals ones() {
  ControlResiduals out;
  for (int64_t i = 0; i < 12; ++i) {
    const int64_t shrink = i < 3 ? 1 : 2;
    out.output.push_back(Tensor::full({kLatent[0], kLatent[1] / shrink, kLatent[2] / shrink, 3}, 1.0f));
  }
  out.middle.push_back(Tensor::full({kLatent[0], 2, 2, 3}, 1.0f));
  return out;
}

// An adapter's: a map for the third block of each size, the same for all rows.
ControlResiduals adapter_ones(bool sdxl) {
  ControlResiduals out;
  out.input.resize(sdxl ? 10 : 12);
  for (const size_t i : sdxl ? std::vector<size_t>{3, 5, 8} : std::vector<size_t>{2, 5, 8, 11})
    out.input[i] = Tensor::full({1, 4, 4, 3}, 1.0f);
  if (sdxl) out.middle.push_back(Tensor::full({1, 4, 4, 3}, 1.0f));
  return out;
}

double first(const Tensor& t, int64_t row = 0) { return static_cast<double>(t.f32()[row * (t.numel() / t.dim(0))]); }

ControlResiduals weighed_once(const ControlLink& link, ControlResiduals own, float sigma = 5.0f) {
  ControlWeigher weigher(link, kLevels, kHighest);
  weigher.at(sigma);
  return weigher.weighed(std::move(own), {1, 0}, kLatent);
}

TEST(ControlWeighting, PowersOfABase) {
  const auto universal = with({.kind = ControlWeights::Kind::kUniversal, .base = 0.8, .middle_mult = 0.5});
  const ControlResiduals net = weighed_once(link_with(universal), ones());
  for (size_t i = 0; i < 12; ++i)
    EXPECT_NEAR(first(net.output[i]), std::pow(0.8, 12.0 - static_cast<double>(i)), 1e-6) << i;
  EXPECT_NEAR(first(net.middle[0]), 0.5, 1e-6);
  const ControlResiduals sd = weighed_once(link_with(universal, true), adapter_ones(false));
  EXPECT_NEAR(first(sd.input[2]), std::pow(0.8, 7), 1e-6);
  EXPECT_NEAR(first(sd.input[5]), 0.64, 1e-6);
  EXPECT_NEAR(first(sd.input[8]), 0.8, 1e-6);
  EXPECT_NEAR(first(sd.input[11]), 1.0, 1e-6);
  // In SDXL the maps are counted from the last block, so that they fall into later quarters.
  const ControlResiduals xl = weighed_once(link_with(universal, true), adapter_ones(true));
  EXPECT_NEAR(first(xl.input[3]), 0.64, 1e-6);
  EXPECT_NEAR(first(xl.input[5]), 0.8, 1e-6);
  EXPECT_NEAR(first(xl.input[8]), 1.0, 1e-6);
  EXPECT_NEAR(first(xl.middle[0]), 0.5, 1e-6);
}

TEST(ControlWeighting, WeightsOfBlocksAndOfTheNegativeSide) {
  ControlWeights weights{.kind = ControlWeights::Kind::kControlNet,
                         .output = {0.1, 0.2, 0.3},
                         .middle = 0.7,
                         .uncond = 0.25,
                         .middle_mult = 2.0};
  const ControlResiduals out = weighed_once(link_with(with(weights)), ones());
  EXPECT_NEAR(first(out.output[1], 3), 0.2, 1e-6);
  EXPECT_NEAR(first(out.output[5], 3), 1.0, 1e-6) << "blocks without a weight";
  EXPECT_NEAR(first(out.middle[0], 3), 1.4, 1e-6);
  EXPECT_NEAR(first(out.output[1], 0), 0.05, 1e-6) << "the first chunk is unconditional";
  ControlWeights stages{.kind = ControlWeights::Kind::kT2iAdapter, .input = {0.1, 0.2, 0.3, 0.4}};
  const ControlResiduals adapted = weighed_once(link_with(with(stages), true), adapter_ones(false));
  EXPECT_EQ(adapted.input[2].dim(0), kLatent[0]);
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(first(adapted.input[3 * i + 2]), 0.1 * static_cast<double>(i + 1), 1e-6);
}

TEST(ControlWeighting, MasksOfThePictureAndPowersOfMasks) {
  Tensor mask({3, 5, 4});
  for (int64_t i = 0; i < mask.numel(); ++i) mask.f32()[i] = static_cast<float>((i * 7) % 11) / 11.0f;
  const auto bilinear = [](const Tensor& t, int64_t height, int64_t width) {
    return image::resize(t, {width, height}, image::ResizeMethod::kBilinear);
  };
  const Tensor maps = mask.view({3, 5, 4, 1});
  ControlWeighting place;
  place.mask = mask;
  const Tensor out = weighed_once(link_with(place), ones()).output[4];  // 4x3
  const Tensor expected = bilinear(bilinear(maps, 64, 48), 4, 3);
  for (int64_t row = 0; row < 4; ++row)
    for (int64_t p = 0; p < 12; ++p)
      EXPECT_NEAR(out.f32()[(row * 12 + p) * 3], expected.f32()[row % 2 * 12 + p], 1e-6) << row << ", " << p;

  // Fewer masks than pictures: the last one again.
  place.mask = mask.slice(0, 0, 1);
  const Tensor again = weighed_once(link_with(place), ones()).output[4];
  for (int64_t row = 0; row < 4; ++row)
    for (int64_t p = 0; p < 12; ++p)
      EXPECT_NEAR(again.f32()[(row * 12 + p) * 3], expected.f32()[p], 1e-6) << row << ", " << p;

  const ControlResiduals powers =
      weighed_once(link_with(with({.kind = ControlWeights::Kind::kUniversal, .mask = mask.slice(0, 0, 1)})), ones());
  const Tensor small = bilinear(maps.slice(0, 0, 1), 4, 3);
  for (int64_t row = 0; row < 4; ++row)
    for (int64_t p = 0; p < 12; ++p)
      EXPECT_NEAR(powers.output[9].f32()[(row * 12 + p) * 3], std::pow(small.f32()[p], 3.0), 1e-6);
  EXPECT_NEAR(first(powers.middle[0]), 1.0, 1e-6);
}

TEST(ControlWeighting, PicturesOfABatch) {
  auto latents = std::make_shared<LatentKeyframes>();
  latents->set(-1, 0.5);
  ControlKeyframe keyframe{.strength = 2.0, .latents = latents, .null_latent_strength = 0.25};
  ControlWeighting weighting;
  weighting.keyframes = std::make_shared<const ControlKeyframes>(keyframe);
  const Tensor out = weighed_once(link_with(weighting), ones()).output[0];
  EXPECT_NEAR(first(out, 0), 0.5, 1e-6);
  EXPECT_NEAR(first(out, 1), 1.0, 1e-6);
  EXPECT_NEAR(first(out, 2), 0.5, 1e-6);
  EXPECT_NEAR(first(out, 3), 1.0, 1e-6);
  // Of two strengths of one picture the one that is counted from the beginning holds; others are of no picture.
  latents = std::make_shared<LatentKeyframes>();
  for (const auto& [index, strength] : std::map<int64_t, double>{{-3, 9.0}, {-2, 0.125}, {0, 0.75}, {2, 9.0}})
    latents->set(index, strength);
  ControlWeighting twice;
  twice.latents = latents;
  const Tensor by_place = weighed_once(link_with(twice), ones()).output[0];
  EXPECT_NEAR(first(by_place, 0), 0.75, 1e-6);
  EXPECT_NEAR(first(by_place, 1), 0.0, 1e-6);
}

// Which strength holds at each of falling levels.
std::vector<double> strengths(const ControlKeyframes& keyframes, const std::vector<double>& percents, float highest) {
  ControlWeighting weighting;
  weighting.keyframes = std::make_shared<const ControlKeyframes>(keyframes);
  const ControlLink link = link_with(weighting);
  ControlWeigher weigher(link, kLevels, highest);
  std::vector<double> out;
  for (const double percent : percents) {
    const auto sigma = static_cast<float>(kLevels.percent_to_sigma(percent)) * 0.999f;  // just behind it
    weigher.at(percent == 0 ? highest : sigma);
    weigher.at(percent == 0 ? highest : sigma);  // a second batch at the same level does not count
    out.push_back(weigher.active() ? first(weigher.weighed(ones(), {1, 0}, kLatent).output[0]) : 0.0);
  }
  return out;
}

TEST(ControlWeighting, KeyframesFollowEachOther) {
  const std::vector<double> steps{0.0, 0.2, 0.4, 0.6, 0.8};
  ControlKeyframes keyframes;
  keyframes.add({.start_percent = 0.5, .strength = 0.0, .guarantee_steps = 0});
  keyframes.add({.start_percent = 0.3, .strength = 0.5, .guarantee_steps = 0});
  EXPECT_EQ(strengths(keyframes, steps, kHighest), (std::vector<double>{1, 1, 0.5, 0, 0}));
  // Two keyframes reached at once: the first is held for a step, the second follows.
  ControlKeyframes close;
  close.add({.start_percent = 0.25, .strength = 0.5, .guarantee_steps = 2});
  close.add({.start_percent = 0.3, .strength = 0.25, .guarantee_steps = 1});
  EXPECT_EQ(strengths(close, steps, kHighest), (std::vector<double>{1, 1, 0.5, 0.5, 0.25}));
  // What began before the run needs no steps of its own: a run from the middle.
  const auto middle = static_cast<float>(kLevels.percent_to_sigma(0.35));
  EXPECT_EQ(strengths(close, {0.4, 0.6}, middle), (std::vector<double>{0.25, 0.25}));
}

TEST(ControlWeighting, KeyframesInheritWhatTheyLack) {
  const auto weights = std::make_shared<const ControlWeights>(
      ControlWeights{.kind = ControlWeights::Kind::kControlNet, .output = {0.5}});
  ControlKeyframes keyframes;
  keyframes.add({.start_percent = 0.1, .weights = weights, .guarantee_steps = 0});
  keyframes.add({.start_percent = 0.3, .strength = 0.5, .guarantee_steps = 0});
  keyframes.add({.start_percent = 0.5, .inherit_missing = false, .guarantee_steps = 0});
  EXPECT_EQ(strengths(keyframes, {0.0, 0.2, 0.4, 0.6}, kHighest), (std::vector<double>{1, 0.5, 0.25, 1}));
}

TEST(ControlWeighting, WeightsForOtherNetworksAreRefused) {
  ControlNetHandle net, adapter, difference;
  adapter.t2i_adapter = true;
  auto tensors = std::make_shared<StoredTensors>();
  for (const char* name : {"input_hint_block.0.weight", "zero_convs.0.0.weight", "middle_block_out.0.weight"})
    tensors->set(name, Tensor::zeros({1, 1}));
  difference.lora = std::make_shared<const ControlLora>(std::move(tensors), "difference");
  const ControlWeighting blocks = with({.kind = ControlWeights::Kind::kControlNet}),
                         stages = with({.kind = ControlWeights::Kind::kT2iAdapter}),
                         any = with({.kind = ControlWeights::Kind::kUniversal});
  EXPECT_FALSE(weighting_mismatch(blocks, net));
  EXPECT_FALSE(weighting_mismatch(stages, adapter));
  EXPECT_FALSE(weighting_mismatch(any, net));
  EXPECT_TRUE(weighting_mismatch(blocks, adapter));
  EXPECT_TRUE(weighting_mismatch(stages, net));
  EXPECT_TRUE(weighting_mismatch(blocks, difference));
  EXPECT_TRUE(weighting_mismatch(stages, difference));
  EXPECT_FALSE(weighting_mismatch(any, difference));
  ControlWeighting scheduled;
  ControlKeyframes keyframes;
  keyframes.add({.weights = stages.weights});
  scheduled.keyframes = std::make_shared<const ControlKeyframes>(keyframes);
  EXPECT_TRUE(weighting_mismatch(scheduled, net));
  scheduled.weights = blocks.weights;  // takes their place
  EXPECT_FALSE(weighting_mismatch(scheduled, net));
}

}  // namespace
}  // namespace easel::models
