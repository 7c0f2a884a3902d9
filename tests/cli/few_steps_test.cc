// Commands that need no workflow, with models that were distilled to few steps.
#include <gtest/gtest.h>

#include "cli/command.h"
#include "formats/pictures/picture.h"
#include "support/tiny_models.h"
#include "workflow/json.h"

namespace easel::cli {
namespace {

namespace fs = std::filesystem;
using testing::Workplace;
using workflow::Json;

constexpr const char* kPlain = "v1-5-pruned-emaonly.safetensors";

class FewSteps : public ::testing::Test {
 protected:
  void SetUp() override {
    put(kPlain);
    formats::save_png(place_.folder() / "a.png", Tensor::full({1, 64, 64, 3}, 0.5f));
  }
  // A checkpoint under a name.
  void put(const std::string& name) const {
    const fs::path folder = place_.folder() / "models/checkpoints";
    fs::create_directories(folder);
    fs::copy_file(easel::testing::tiny_models_dir() / "checkpoints" / kPlain, folder / name);
  }
  // The KSampler's inputs in the workflow that was run.
  Json sampler(const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"img2img", "a.png", "-p", "a house", "--size", "64x64", "--save-workflow"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto result = place_.run(arguments);
    EXPECT_EQ(result.code, 0) << result.err;
    said_ = result.err;
    const std::string picture = result.out.substr(0, result.out.find('\n'));
    const Json prompt = workflow::parse_json(place_.get(fs::path(picture).replace_extension(".json").string()));
    return prompt.at("8").at("inputs");
  }

  Workplace place_{"few-steps"};
  std::string said_;
};

TEST_F(FewSteps, SettingsAreThoseOfTheCheckpointThatIsAskedFor) {
  put("dream_lcm.safetensors");
  const Json distilled = sampler({"--set", "1.ckpt_name=dream_lcm.safetensors"});
  EXPECT_EQ(distilled["sampler_name"], "lcm");
  EXPECT_EQ(distilled["steps"], 4);
  EXPECT_NE(said_.find("dream_lcm.safetensors (LCM)"), std::string::npos) << said_;

  fs::rename(place_.folder() / "models/checkpoints" / kPlain, place_.folder() / "models/checkpoints/z.safetensors");
  ASSERT_EQ(sampler({"--steps", "1"})["sampler_name"], "lcm")
      << "it is the first one, and taken unless another is named";
  const Json plain = sampler({"--steps", "1", "--set", "1.ckpt_name=z.safetensors"});
  EXPECT_NE(plain["sampler_name"], "lcm");
  EXPECT_EQ(said_.find("LCM"), std::string::npos) << said_;
}

TEST_F(FewSteps, WhatThePersonSaysCountsMore) {
  put("dream_lcm.safetensors");
  const Json inputs = sampler({"--set", "1.ckpt_name=dream_lcm.safetensors", "--steps", "2", "--set", "8.cfg=1.5"});
  EXPECT_EQ(inputs["steps"], 2);
  EXPECT_EQ(inputs["cfg"], 1.5);
  EXPECT_EQ(inputs["sampler_name"], "lcm");
}

// One step of a picture that is drawn over would keep nothing of it: int(4 / 0.95) is 4, the most there are.
TEST_F(FewSteps, StepsFollowHowMuchIsRepainted) {
  fs::remove(place_.folder() / "models/checkpoints" / kPlain);
  put("own_dmd2_1step.safetensors");
  EXPECT_EQ(sampler({})["steps"], 2);
  EXPECT_EQ(sampler({"--denoise", "0.95"})["steps"], 4);
  EXPECT_EQ(sampler({"--set", "8.denoise=1"})["steps"], 1);
}

}  // namespace
}  // namespace easel::cli
