// Sampling that takes very long is said before it begins.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/engine.h"
#include "nodes/standard_table.h"
#include "support/temp_folder.h"
#include "support/tiny_models.h"
#include "workflow/prompt.h"

namespace easel::nodes {
namespace {

using workflow::Json;

class LongSampling : public ::testing::Test {
 protected:
  LongSampling() {
    engine::EngineOptions options{.table = standard_table(), .folders = library::Folders(testing::tiny_models_dir())};
    options.directories = {folder_.path() / "input", folder_.path() / "output", folder_.path() / "temp"};
    engine_ = std::make_unique<engine::Engine>(std::move(options));
  }

  // What is said of "k", which takes these inputs beside a model and conditioning.
  std::vector<std::string> notices(const char* type, Json inputs, int64_t side, int64_t count) {
    Json prompt = {
        {"1",
         {{"class_type", "CheckpointLoaderSimple"}, {"inputs", {{"ckpt_name", "v1-5-pruned-emaonly.safetensors"}}}}},
        {"2", {{"class_type", "CLIPTextEncode"}, {"inputs", {{"text", "a barn"}, {"clip", {"1", 1}}}}}},
        {"4",
         {{"class_type", "EmptyLatentImage"}, {"inputs", {{"width", side}, {"height", side}, {"batch_size", count}}}}},
        {"g",
         {{"class_type", "CFGGuider"},
          {"inputs", {{"model", {"1", 0}}, {"positive", {"2", 0}}, {"negative", {"2", 0}}, {"cfg", 5.0}}}}},
        {"n", {{"class_type", "RandomNoise"}, {"inputs", {{"noise_seed", 3}}}}},
        {"s", {{"class_type", "KSamplerSelect"}, {"inputs", {{"sampler_name", "euler"}}}}},
        {"l",
         {{"class_type", "KarrasScheduler"},
          {"inputs", {{"steps", 20}, {"sigma_max", 14.6}, {"sigma_min", 0.03}, {"rho", 7.0}}}}},
        {"7", {{"class_type", "SaveLatent"}, {"inputs", {{"samples", {"k", 0}}, {"filename_prefix", "a"}}}}}};
    prompt["k"] = {{"class_type", type}, {"inputs", std::move(inputs)}};
    const engine::Plan plan = engine_->check(workflow::parse_prompt(prompt));
    if (!plan.flawless()) plan.raise();
    std::vector<std::string> out;
    for (const workflow::Notice& notice : plan.notices) out.push_back(notice.node + ": " + notice.text);
    return out;
  }

  static Json sampled(int64_t steps) {
    return {{"model", {"1", 0}},        {"seed", 3},
            {"steps", steps},           {"cfg", 5.0},
            {"sampler_name", "euler"},  {"scheduler", "normal"},
            {"positive", {"2", 0}},     {"negative", {"2", 0}},
            {"latent_image", {"4", 0}}, {"denoise", 1.0}};
  }
  static Json custom() {
    return {{"noise", {"n", 0}},
            {"guider", {"g", 0}},
            {"sampler", {"s", 0}},
            {"sigmas", {"l", 0}},
            {"latent_image", {"4", 0}}};
  }

  testing::TempFolder folder_;
  std::unique_ptr<engine::Engine> engine_;
};

TEST_F(LongSampling, IsSaidWithItsSizeBeforeItBegins) {
  // 100 pictures of 1024x1024 in 20 steps, and one picture less.
  EXPECT_EQ(
      notices("KSampler", sampled(20), 1024, 100),
      std::vector<std::string>{"k: this takes very long: 100 of 1024x1024 in 20 steps are the work of 100 pictures "
                               "of 1024x1024 in 20 steps or more; it can be stopped at any time"});
  EXPECT_EQ(notices("KSampler", sampled(20), 1024, 99), std::vector<std::string>{});
  // Steps count as pictures do.
  EXPECT_EQ(notices("KSampler", sampled(2000), 1024, 1).size(), 1u);
  EXPECT_EQ(notices("KSampler", sampled(1999), 1024, 1).size(), 0u);
}

TEST_F(LongSampling, IsSaidBySamplersThatTakeTheirPartsOverLinks) {
  EXPECT_EQ(notices("SamplerCustomAdvanced", custom(), 1024, 100).size(), 1u);
  EXPECT_EQ(notices("SamplerCustomAdvanced", custom(), 1024, 99).size(), 0u);
}

}  // namespace
}  // namespace easel::nodes
