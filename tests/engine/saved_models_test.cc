// Models that were saved and are loaded again: the same picture, the names that published files have.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <tuple>

#include "engine/engine.h"
#include "formats/tensors/model_file.h"
#include "models/checkpoint/describe.h"
#include "nodes/common/trace.h"
#include "nodes/standard_table.h"
#include "support/shared.h"
#include "support/temp_folder.h"
#include "support/tiny_models.h"

namespace easel::engine {
namespace {

namespace fs = std::filesystem;

class SavedModels : public ::testing::Test {
 protected:
  SavedModels() {
    for (const char* folder : {"checkpoints", "loras", "vae", "unet", "clip"}) {
      fs::create_directories(models_.path() / folder);
      std::error_code none;
      for (const auto& file : fs::directory_iterator(testing::tiny_models_dir() / folder, none))
        fs::create_symlink(file.path(), models_.path() / folder / file.path().filename());
    }
  }

  // Runs nodes; returns the latent of node "out", if there is one.
  Tensor run(const std::string& nodes) {
    Engine engine({.table = nodes::standard_table(),
                   .folders = library::Folders(models_.path()),
                   .directories = {output_.path(), output_.path(), output_.path()}});
    const auto checked = engine.check(workflow::parse_prompt(workflow::parse_json("{" + nodes + "}")));
    if (!checked.flawless()) checked.raise();
    TensorMap trace;
    EventSink quiet;
    engine.run(checked, {.picture_text = {{"workflow", "{\"a\": 1}"}}, .watch = nodes::trace_into(trace)}, quiet);
    const Tensor* found = trace.find("out.0.LATENT.samples");
    return found ? *found : Tensor();
  }
  static std::string load(const std::string& checkpoint) {
    return R"("m": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": ")" + checkpoint + R"("}},)";
  }
  static std::string save(const std::string& model = "m", const std::string& clip = "m") {
    return R"("save": {"class_type": "CheckpointSave", "inputs": {"model": [")" + model + R"(", 0], "clip": [")" +
           clip + R"(", 1], "vae": ["m", 2], "filename_prefix": "made/of it"}})";
  }
  static std::string draw(const std::string& model = "m", const std::string& clip = "m") {
    return R"("p": {"class_type": "CLIPTextEncode", "inputs": {"text": "a barn", "clip": [")" + clip + R"(", 1]}},
      "n": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": [")" +
           clip + R"(", 1]}},
      "l": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
      "s": {"class_type": "KSampler", "inputs": {"model": [")" +
           model + R"(", 0], "seed": 7, "steps": 2, "cfg": 5.0,
        "sampler_name": "euler", "scheduler": "normal", "positive": ["p", 0], "negative": ["n", 0], "latent_image": ["l", 0],
        "denoise": 1.0}},
      "d": {"class_type": "VAEDecode", "inputs": {"samples": ["s", 0], "vae": ["m", 2]}},
      "out": {"class_type": "VAEEncode", "inputs": {"pixels": ["d", 0], "vae": ["m", 2]}},
      "e": {"class_type": "VAEDecode", "inputs": {"samples": ["out", 0], "vae": ["m", 2]}},
      "show": {"class_type": "PreviewImage", "inputs": {"images": ["e", 0]}})";
  }
  // Moves a saved file to where it can be loaded.
  fs::path take(const std::string& name, const std::string& folder) {
    const fs::path to = models_.path() / folder / "saved.safetensors";
    fs::rename(output_.path() / name, to);
    return to;
  }

  testing::TempFolder models_, output_;
};

// Each tensor has the name, type and values that it has in the file it comes from.
void expect_same_tensors(const fs::path& saved, const fs::path& original) {
  const auto a = formats::open_model_file(saved), b = formats::open_model_file(original);
  size_t seen = 0;
  for (const auto& [name, tensor] : *a.tensors) {
    if (name.ends_with("logit_scale")) continue;  // ComfyUI's, whatever the file's was
    const StoredTensor* other = b.tensors->find(name);
    if (!other) {
      EXPECT_TRUE(name == "v_pred" || name.ends_with("position_ids")) << name;
      continue;
    }
    ++seen;
    EXPECT_EQ(tensor.str(), other->str()) << name;
    if (tensor.is_float()) {
      EXPECT_EQ(testing::max_difference(tensor.decoded(), other->decoded()), 0.0) << name;
    }
  }
  for (const auto& [name, tensor] : *b.tensors) {
    if (name.starts_with("model.diffusion_model.") || name.starts_with("first_stage_model.")) {
      EXPECT_TRUE(a.tensors->contains(name)) << name;
    }
  }
  EXPECT_GT(seen, 100u);
}

TEST_F(SavedModels, ACheckpointIsWhatItWas) {
  for (const char* file : {"v1-5-pruned-emaonly.safetensors", "sd_xl_base_1.0.safetensors",
                           "sd_xl_refiner_1.0.safetensors", "v2-1_768-ema-pruned.ckpt"}) {
    const Tensor before = run(load(file) + draw());
    run(load(file) + save());
    const fs::path saved = take("made/of it_00001_.safetensors", "checkpoints");
    expect_same_tensors(saved, models_.path() / "checkpoints" / file);
    EXPECT_EQ(models::describe_file(saved).summary,
              models::describe_file(models_.path() / "checkpoints" / file).summary);
    EXPECT_EQ(models::describe_file(saved).prediction,
              models::describe_file(models_.path() / "checkpoints" / file).prediction);
    EXPECT_EQ(testing::max_difference(run(load("saved.safetensors") + draw()), before), 0.0) << file;
  }
}

// A node has said that the network was trained on continuous levels, and between which; a file that says it, too, may
// be told other ones.
TEST_F(SavedModels, LevelsThatANodeHasSetAreInTheFile) {
  const auto node = [](const char* sampling, const char* levels) {
    return std::string(
               R"("x": {"class_type": "ModelSamplingContinuousEDM", "inputs": {"model": ["m", 0], "sampling": ")") +
           sampling + "\", " + levels + "}},";
  };
  const auto expect_levels = [&](float highest, float lowest) {
    const auto file = formats::open_model_file(models_.path() / "checkpoints/saved.safetensors");
    const StoredTensor *max = file.tensors->find("edm_vpred.sigma_max"),
                       *min = file.tensors->find("edm_vpred.sigma_min");
    ASSERT_TRUE(max && min);
    EXPECT_EQ(max->decoded().f32()[0], highest);
    EXPECT_EQ(min->decoded().f32()[0], lowest);
  };
  std::string from = load("sd_xl_base_1.0.safetensors");
  for (const auto& [levels, highest, lowest] : {std::tuple{R"("sigma_max": 50.0, "sigma_min": 0.0625)", 50.0f, 0.0625f},
                                                {R"("sigma_max": 20.0, "sigma_min": 0.25)", 20.0f, 0.25f}}) {
    const Tensor before = run(from + node("v_prediction", levels) + draw("x"));
    run(from + node("v_prediction", levels) + save("x"));
    take("made/of it_00001_.safetensors", "checkpoints");
    expect_levels(highest, lowest);
    EXPECT_LE(testing::relative_error(run(load("saved.safetensors") + draw()), before), 1e-6) << levels;
    from = load("saved.safetensors");
  }
  // The marks have no word for the other kind.
  run(from + node("edm", R"("sigma_max": 80.0, "sigma_min": 0.5)") + save("x"));
  take("made/of it_00001_.safetensors", "checkpoints");
  expect_levels(20.0f, 0.25f);
}

TEST_F(SavedModels, TheFileSaysWhereItCameFrom) {
  run(load("sd_xl_base_1.0.safetensors") + save());
  const auto file = formats::open_model_file(output_.path() / "made/of it_00001_.safetensors");
  const workflow::Json prompt = workflow::parse_json(file.metadata.at("prompt"));
  EXPECT_EQ(prompt.at("save").at("class_type"), "CheckpointSave");
  EXPECT_EQ(file.metadata.at("workflow"), "{\"a\": 1}");
  EXPECT_EQ(file.metadata.at("modelspec.architecture"), "stable-diffusion-xl-v1-base");
  EXPECT_EQ(file.metadata.at("modelspec.predict_key"), "epsilon");
}

// What a LoRA changes is rounded to the file's 16 bits, and lies in the file.
TEST_F(SavedModels, ALoraIsInTheFile) {
  const std::string lora = load("v1-5-pruned-emaonly.safetensors") +
                           R"("x": {"class_type": "LoraLoader", "inputs": {"model": ["m", 0], "clip": ["m", 1],
      "lora_name": "sd15_style.safetensors", "strength_model": 1.0, "strength_clip": 1.0}},)";
  const Tensor plain = run(load("v1-5-pruned-emaonly.safetensors") + draw());
  const Tensor with = run(lora + draw("x", "x"));
  run(lora + save("x", "x"));
  take("made/of it_00001_.safetensors", "checkpoints");
  const Tensor again = run(load("saved.safetensors") + draw());
  EXPECT_LE(testing::relative_error(again, with), 5e-3);
  EXPECT_GT(testing::relative_error(with, plain), 10 * testing::relative_error(again, with));
}

TEST_F(SavedModels, PartsAreLoadedAgain) {
  const std::string file = "sd_xl_base_1.0.safetensors";
  const Tensor before = run(load(file) + draw());
  run(load(file) +
      R"("a": {"class_type": "ModelSave", "inputs": {"model": ["m", 0], "filename_prefix": "unet"}},
    "b": {"class_type": "CLIPSave", "inputs": {"clip": ["m", 1], "filename_prefix": "text"}},
    "c": {"class_type": "VAESave", "inputs": {"vae": ["m", 2], "filename_prefix": "vae"}})");
  fs::rename(output_.path() / "text_clip_l_00001_.safetensors", models_.path() / "clip" / "l.safetensors");
  fs::rename(output_.path() / "text_clip_g_00001_.safetensors", models_.path() / "clip" / "g.safetensors");
  take("unet_00001_.safetensors", "unet");
  take("vae_00001_.safetensors", "vae");
  std::string parts = R"(
    "u": {"class_type": "UNETLoader", "inputs": {"unet_name": "saved.safetensors", "weight_dtype": "default"}},
    "t": {"class_type": "DualCLIPLoader", "inputs": {"clip_name1": "l.safetensors", "clip_name2": "g.safetensors", "type": "sdxl"}},
    "v": {"class_type": "VAELoader", "inputs": {"vae_name": "saved.safetensors"}},)" +
                      draw("u", "t");
  const auto replace = [&](const std::string& what, const std::string& with) {
    for (size_t at; (at = parts.find(what)) != std::string::npos;) parts.replace(at, what.size(), with);
  };
  replace(R"(["t", 1])", R"(["t", 0])");
  replace(R"(["m", 2])", R"(["v", 0])");
  EXPECT_LE(testing::relative_error(run(parts), before), 1e-6);
}

TEST_F(SavedModels, NumbersCountUpAndNothingHalfIsLeft) {
  run(load("v1-5-pruned-emaonly.safetensors") + save());
  run(load("v1-5-pruned-emaonly.safetensors") + save());
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(output_.path() / "made")) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"of it_00001_.safetensors", "of it_00002_.safetensors"}));
}

TEST_F(SavedModels, WhatDoesNotBelongTogetherIsRefused) {
  const std::string both =
      load("v1-5-pruned-emaonly.safetensors") +
      R"("x": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd_xl_base_1.0.safetensors"}},)";
  EXPECT_THROW(run(both + save("m", "x")), Error);
  EXPECT_THROW(run(both + save("x", "m")), Error);
  EXPECT_THROW(
      run(R"("m": {"class_type": "unCLIPCheckpointLoader", "inputs": {"ckpt_name": "sd21-unclip-l.ckpt"}},)" + save()),
      Error);
  EXPECT_TRUE(!fs::exists(output_.path() / "made") || fs::is_empty(output_.path() / "made"));
}

}  // namespace
}  // namespace easel::engine
