// What is known of sampled latents before anything runs: their size, unless the sampler changes it.
#include <gtest/gtest.h>

#include "nodes/common/sampling_values.h"
#include "run_node.h"

namespace easel::nodes {
namespace {

workflow::Literal s(const char* value) { return std::string(value); }

Value chosen(const char* node, Typed typed) { return foresee_node(node, std::move(typed), {}).at(0); }

Outputs sampled(const Value& sampler) {
  Links links{{"noise", Value()}, {"guider", Value()}, {"sigmas", Value()}, {"sampler", sampler}};
  links.emplace("latent_image", foreseen<Latent>({.count = 1, .height = 6, .width = 4, .channels = 4, .factor = 8}));
  return foresee_node("SamplerCustomAdvanced", {}, std::move(links));
}

TEST(SamplerForesight, ALatentKeepsItsSizeUnlessTheSamplerChangesIt) {
  for (const Value& sampler : {chosen("KSamplerSelect", {{"sampler_name", s("euler")}}), chosen("SamplerLMS", {})}) {
    const Outputs known = sampled(sampler);
    ASSERT_EQ(known.size(), 2u);
    EXPECT_EQ(known[1].as<ForeseenLatent>().height, 6);
  }
  EXPECT_TRUE(sampled(chosen("SamplerLCMUpscale", {{"scale_ratio", 2.0}})).empty());
  EXPECT_TRUE(sampled(Value()).empty()) << "nothing is known of the sampler";
}

TEST(SamplerForesight, ALatentDoesNotGrowBeyondWhatPicturesMayBe) {
  const auto grown = run_node("SamplerLCMUpscale", {{"scale_ratio", 20.0}, {"upscale_method", s("nearest-exact")}});
  const auto& resize = grown.as<SamplerChoice>().knobs.resize;
  const Tensor latent = Tensor::zeros({1, 1, 4, 1});
  EXPECT_EQ(resize(latent, 1, 2048).dim(2), 2048);
  EXPECT_THROW(resize(latent, 1, 2049), Error);
}

}  // namespace
}  // namespace easel::nodes
