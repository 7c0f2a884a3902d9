// Settings of distilled models, in the workflows that come with the program.
#include "techniques/few_steps.h"

#include <gtest/gtest.h>

#include "techniques/techniques.h"

namespace easel::techniques {
namespace {

using workflow::Json;

models::FewSteps settings(const char* title, int steps, const char* sampler, const char* prediction) {
  models::FewSteps out;
  out.title = title;
  out.steps = steps;
  out.sampler = sampler;
  out.scheduler = "sgm_uniform";
  out.prediction = prediction;
  return out;
}
const models::FewSteps kLcm = settings("LCM", 4, "lcm", "lcm");
const models::FewSteps kTurbo = settings("Turbo", 1, "euler_ancestral", "");

TEST(FewStepsInWorkflows, TheSamplerOfTheModelGetsThem) {
  workflow::Prompt prompt = shipped_workflow("img2img");
  const auto said = use_few_steps(prompt, [&](const std::string& name) {
    EXPECT_EQ(name, "v1-5-pruned-emaonly.safetensors");
    return std::optional(kLcm);
  });
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0],
            "v1-5-pruned-emaonly.safetensors (LCM) is drawn with 4 steps, cfg 1, lcm, sgm_uniform, sampling lcm, "
            "unless you say otherwise");
  const Json& sampler = prompt.find("8")->inputs;
  EXPECT_EQ(sampler["steps"], 4);
  EXPECT_EQ(sampler["cfg"], 1.0);
  EXPECT_EQ(sampler["sampler_name"], "lcm");
  EXPECT_EQ(sampler["scheduler"], "sgm_uniform");
  EXPECT_EQ(sampler["model"], Json::array({"111", 0}));
  const workflow::PromptNode* sampling = prompt.find("111");
  ASSERT_TRUE(sampling);
  EXPECT_EQ(sampling->class_type, "ModelSamplingDiscrete");
  EXPECT_EQ(sampling->inputs, (Json{{"model", Json::array({"1", 0})}, {"sampling", "lcm"}, {"zsnr", false}}));
}

// One step of a picture that is drawn over would begin from noise alone: int(1 / 0.6) is 1, int(2 / 0.6) is 3.
TEST(FewStepsInWorkflows, APictureThatIsDrawnOverIsKept) {
  workflow::Prompt prompt = shipped_workflow("img2img");
  const auto turbo = [](const std::string&) { return std::optional(kTurbo); };
  use_few_steps(prompt, turbo);
  EXPECT_EQ(prompt.find("8")->inputs["steps"], 2);
  for (const auto& [denoise, steps] : {std::pair{1.0, 1}, {0.5, 1}, {0.7, 3}, {0.95, 4}, {0.0, 1}}) {
    prompt.find("8")->inputs["denoise"] = denoise;
    use_few_steps(prompt, turbo);
    EXPECT_EQ(prompt.find("8")->inputs["steps"], steps) << denoise;
  }
}

TEST(FewStepsInWorkflows, OfTwoModelsOnlyTheDistilledOne) {
  workflow::Prompt prompt = shipped_workflow("unclip_then_refiner");
  const workflow::Prompt before = prompt;
  const auto said = use_few_steps(prompt, [&](const std::string& name) {
    return name.find("refiner") == std::string::npos ? std::optional(kTurbo) : std::nullopt;
  });
  EXPECT_EQ(said.size(), 1u);
  int changed = 0;
  for (const auto& node : before.nodes)
    if (prompt.find(node.id)->inputs != node.inputs) ++changed;
  EXPECT_EQ(changed, 1);
  EXPECT_EQ(prompt.nodes.size(), before.nodes.size());
}

}  // namespace
}  // namespace easel::techniques
