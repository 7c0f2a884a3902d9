// Which files were distilled to few steps, by the names that people have them under.
#include "models/sd/few_steps.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "formats/tensors/safetensors.h"
#include "models/checkpoint/describe.h"
#include "models/sd/variants.h"
#include "support/temp_folder.h"
#include "support/tiny_models.h"

namespace easel::models::sd {
namespace {

const Family* const kXl = &kSdxl.family;
const Family* const kOne = &kSd1.family;
const Family* const kTwo = &kSd2.family;

struct Named {
  const char* name;
  bool lora;
  const Family* family;
  const char* says;  // title and settings
};

const Named kNamed[] = {
    {"lcm-lora-sdv1-5", true, kOne, "LCM: 4 steps, cfg 1, lcm, sgm_uniform, sampling lcm"},
    {"LCM_LoRA_Weights_SD15", true, nullptr, "LCM: 4 steps, cfg 1, lcm, sgm_uniform, sampling lcm"},
    {"LCM_Dreamshaper_v7_4k", false, kOne, "LCM: 4 steps, cfg 1, lcm, sgm_uniform, sampling lcm"},
    {"realvisXL_LCM_8steps", false, kXl, "LCM, 8 steps: 8 steps, cfg 1, lcm, sgm_uniform, sampling lcm"},
    {"sd_xl_turbo_1.0_fp16", false, kXl, "Turbo: 1 step, cfg 1, euler_ancestral, sgm_uniform"},
    {"sdxl-turbo", false, kXl, "Turbo: 1 step, cfg 1, euler_ancestral, sgm_uniform"},
    {"sd_turbo", false, kTwo, "Turbo: 1 step, cfg 1, euler_ancestral, sgm_uniform"},
    {"DreamShaperXL_Turbo_v2_1", false, kXl, "Turbo: 6 steps, cfg 2, dpmpp_sde, karras"},
    {"TurboVisionXL", false, kXl, "Turbo: 6 steps, cfg 2, dpmpp_sde, karras"},
    {"sd_xl_turbo_lora_v1-64dim", true, kXl, "Turbo: 4 steps, cfg 1, euler_ancestral, sgm_uniform"},
    {"sdxl_lightning_1step_x0", false, kXl, "Lightning, 1 step: 1 step, cfg 1, euler, sgm_uniform, sampling x0"},
    {"sdxl_lightning_2step", false, kXl, "Lightning, 2 steps: 2 steps, cfg 1, euler, sgm_uniform"},
    {"sdxl_lightning_4step_lora", true, kXl, "Lightning, 4 steps: 4 steps, cfg 1, euler, sgm_uniform"},
    {"sdxl_lightning_8step_unet", false, kXl, "Lightning, 8 steps: 8 steps, cfg 1, euler, sgm_uniform"},
    {"SDXL-Lightning-4-step", true, kXl, "Lightning, 4 steps: 4 steps, cfg 1, euler, sgm_uniform"},
    {"juggernautXL_v9Rdphoto2Lightning", false, kXl, "Lightning: 5 steps, cfg 2, dpmpp_sde, karras"},
    {"realvisxlV40_v40LightningBakedvae", false, kXl, "Lightning: 5 steps, cfg 2, dpmpp_sde, karras"},
    {"Hyper-SDXL-1step-lora", true, kXl, "Hyper-SD, 1 step: 1 step, cfg 1, lcm, sgm_uniform"},
    {"Hyper-SD15-4steps-lora", true, kOne, "Hyper-SD, 4 steps: 4 steps, cfg 1, ddim, sgm_uniform"},
    {"Hyper-SDXL-8steps-CFG-lora", true, kXl, "Hyper-SD, 8 steps: 8 steps, cfg 5, ddim, sgm_uniform"},
    {"Hyper-SDXL-12steps-CFG-lora", true, kXl, "Hyper-SD, 12 steps: 12 steps, cfg 5, ddim, sgm_uniform"},
    {"Hyper-SDXL-1step-Unet-Comfyui.fp16", false, kXl, "Hyper-SD, 1 step: 1 step, cfg 1, lcm, sgm_uniform"},
    {"realisticVisionV60B1_v51HyperVAE", false, kOne, "Hyper-SD: 6 steps, cfg 1.5, dpmpp_sde, karras"},
    {"dmd2_sdxl_4step_lora_fp16", true, kXl, "DMD2, 4 steps: 4 steps, cfg 1, lcm, sgm_uniform"},
    {"dmd2_sdxl_1step_unet_fp16", false, kXl, "DMD2, 1 step: 1 step, cfg 1, lcm, sgm_uniform"},
    {"TCD-SD15-LoRA", true, kOne, "TCD: 4 steps, cfg 1, ddim, sgm_uniform"},
    {"TCD_SDXL_lora_4steps", true, kXl, "TCD, 4 steps: 4 steps, cfg 1, ddim, sgm_uniform"},
};

TEST(FewSteps, AreToldByTheWordsOfAName) {
  for (const Named& n : kNamed) {
    const auto found = few_steps_named({n.name, n.lora, n.family});
    ASSERT_TRUE(found) << n.name;
    EXPECT_EQ(found->title + ": " + in_words(*found), n.says) << n.name;
    EXPECT_EQ(found->told_by, "name");
  }
}

// The same letters inside of other words, the same words with another meaning, and families there is none for.
TEST(FewSteps, AreNotSeenWhereNoneAre) {
  const std::tuple<const char*, bool, const Family*> ordinary[] = {{"calcmap_v2", false, kOne},
                                                                   {"filmlcmgrain", true, kOne},
                                                                   {"FilmCamera_LCMS", true, kOne},
                                                                   {"hyperrealism_v3", false, kOne},
                                                                   {"hyper_realistic_v2", false, kOne},
                                                                   {"hyper-detailer", true, kXl},
                                                                   {"lightning_bolts", true, kXl},
                                                                   {"thunderANDlightning", false, kXl},
                                                                   {"turbocharger_car", true, kOne},
                                                                   {"turbo_granny", true, kXl},
                                                                   {"enlightning_xl", false, kXl},
                                                                   {"atcdb", true, kOne},
                                                                   {"dmd20", true, kXl},
                                                                   {"sd_xl_base_1.0", false, kXl},
                                                                   {"v1-5-pruned-emaonly", false, kOne},
                                                                   {"model_4step", true, kXl},
                                                                   {"sdxl_lightning_4step", false, kOne},
                                                                   {"sdxl_lightning_4step", false, &kRefiner.family},
                                                                   {"", true, nullptr}};
  for (const auto& [name, lora, family] : ordinary) EXPECT_FALSE(few_steps_named({name, lora, family})) << name;
}

// Each number of steps is one that a file can be for.
TEST(FewSteps, NumbersOfStepsHaveLimits) {
  EXPECT_EQ(few_steps_named({"lcm_0step", true, kOne})->steps, 4);
  EXPECT_EQ(few_steps_named({"lcm_999999999999step", true, kOne})->steps, 4);
  EXPECT_EQ(few_steps_named({"lcm_16steps", true, kOne})->steps, 16);
}

class FewStepsFiles : public ::testing::Test {
 protected:
  std::filesystem::path lora(const std::string& name, const formats::Metadata& metadata = {}) const {
    const std::filesystem::path path = place_.path() / name;
    std::filesystem::create_directories(path.parent_path());
    TensorMap tensors;
    const std::string module = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k";
    tensors.set(module + ".lora_down.weight", Tensor::full({2, 768}, 0.0f));
    tensors.set(module + ".lora_up.weight", Tensor::full({320, 2}, 0.0f));
    formats::write_safetensors(path, tensors, metadata);
    return path;
  }
  easel::testing::TempFolder place_;
};

TEST_F(FewStepsFiles, AreToldByMetadataWhereTheNameSaysNothing) {
  EXPECT_FALSE(describe_file(lora("renamed.safetensors")).few_steps);
  const auto titled = describe_file(lora("renamed.safetensors", {{"modelspec.title", "LCM LoRA SD 1.5"}})).few_steps;
  ASSERT_TRUE(titled);
  EXPECT_EQ(titled->title, "LCM");
  EXPECT_EQ(titled->told_by, "metadata");
  const auto trained = describe_file(lora("renamed.safetensors", {{"ss_output_name", "TCD-SD15"}})).few_steps;
  ASSERT_TRUE(trained);
  EXPECT_EQ(trained->title, "TCD");
  // What a LoRA was trained on says nothing of the LoRA.
  EXPECT_FALSE(describe_file(lora("renamed.safetensors", {{"ss_sd_model_name", "lcm.safetensors"}})).few_steps);
}

TEST_F(FewStepsFiles, TheFolderSpeaksForANameThatAllFilesHave) {
  const auto found = describe_file(lora("lcm-lora-sdv1-5/pytorch_lora_weights.safetensors")).few_steps;
  ASSERT_TRUE(found);
  EXPECT_EQ(found->title, "LCM");
  EXPECT_FALSE(describe_file(lora("lcm/style.safetensors")).few_steps);
}

// An LCM's network takes the guidance's scale beside the time.
TEST_F(FewStepsFiles, AreToldByTensorsOfADistilledNetwork) {
  const auto path = place_.path() / "renamed.safetensors";
  std::filesystem::copy_file(easel::testing::tiny_models_dir() / "unet" / "LCM_Dreamshaper_v7.safetensors", path);
  const auto found = describe_file(path).few_steps;
  ASSERT_TRUE(found);
  EXPECT_EQ(found->title, "LCM");
  EXPECT_EQ(found->told_by, "tensors");
}

}  // namespace
}  // namespace easel::models::sd
