// The published collection, run to its pictures: small sizes, few steps, synthetic model files in place of those that
// it names.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/files/utf8.h"
#include "engine/engine.h"
#include "formats/pictures/picture.h"
#include "formats/tensors/safetensors.h"
#include "nodes/standard_table.h"
#include "support/shared.h"
#include "support/temp_folder.h"
#include "support/tiny_models.h"
#include "workflow/load.h"

namespace easel::nodes {
namespace {

namespace fs = std::filesystem;
using workflow::Json;

class Collection : public ::testing::Test {
 protected:
  Collection() {
    fs::create_directories(folder_.path() / "input");
    fs::create_directories(folder_.path() / "models" / "upscale_models");
    TensorMap twice;  // a network that doubles a picture
    twice.set("body.0.weight", Tensor::zeros({4, 3, 3, 3}));
    twice.set("body.0.bias", Tensor::zeros({4}));
    twice.set("body.1.weight", Tensor::zeros({4}));
    twice.set("body.2.weight", Tensor::zeros({12, 4, 3, 3}));
    twice.set("body.2.bias", Tensor::zeros({12}));
    formats::write_safetensors(folder_.path() / "models" / "upscale_models" / "twice.safetensors", twice);
    formats::save_png(folder_.path() / "input" / "picture.png", Tensor::full({1, 64, 64, 3}, 0.5f));
    library::Folders folders(testing::tiny_models_dir());
    folders.add("upscale_models", folder_.path() / "models" / "upscale_models");
    engine::EngineOptions options{.table = standard_table(), .folders = folders};
    options.directories = {folder_.path() / "input", folder_.path() / "output", folder_.path() / "temp"};
    engine_ = std::make_unique<engine::Engine>(std::move(options));
  }

  // A synthetic file for a published name.
  static std::string stand_in(const std::string& input, const std::string& name) {
    const std::string lower = lower_ascii(name);
    const bool xl = lower.find("xl") != std::string::npos;
    if (input == "ckpt_name")
      return lower.find("unclip") != std::string::npos    ? name
             : lower.find("refiner") != std::string::npos ? "sd_xl_refiner_1.0.safetensors"
             : xl                                         ? "sd_xl_base_1.0.safetensors"
             : lower.find("inpaint") != std::string::npos ? "sd-v1-5-inpainting.safetensors"
                                                          : "v1-5-pruned-emaonly.safetensors";
    if (input == "vae_name") return xl ? "sdxl_vae.safetensors" : "vae-ft-mse-840000-ema-pruned.safetensors";
    if (input == "lora_name") return "sd15_style.safetensors";
    if (input == "control_net_name")
      return xl ? "diffusers_xl_canny_mid.safetensors" : "control_v11p_sd15_canny_fp16.safetensors";
    if (input == "model_name") return "twice.safetensors";
    if (input == "gligen_name") return "gligen_sd14_textbox_pruned.safetensors";
    return name;
  }

  static void make_small(const std::string& name, Json& value) {
    if (value.is_string() && name == "image") value = "picture.png";
    else if (value.is_string()) value = stand_in(name, value);
    if (name == "megapixels") value = 0.01;
    if (!value.is_number_integer()) return;
    const auto number = value.get<int64_t>();
    if (name == "steps") value = 2;
    if (name == "start_at_step" && number > 1) value = 1;
    if (name == "end_at_step" && number < 10000) value = std::min<int64_t>(number, 2);
    if (name == "resolution") value = 64;
    constexpr int64_t kLarge = 64;
    if (number < kLarge) return;
    const int64_t part = number / 8 / 8 * 8;
    if (name == "width" || name == "height") value = std::max(kLarge, part);
    for (const char* place : {"x", "y", "left", "top", "right", "bottom"})
      if (name == place) value = std::max<int64_t>(16, part);
  }

  std::string run(const fs::path& file) {
    Json prompt = to_json(workflow::load_workflow(file, standard_table()).prompt);
    for (auto& [id, node] : prompt.items())
      for (auto& [name, value] : node["inputs"].items()) make_small(name, value);
    try {
      engine::Plan plan = engine_->check(workflow::parse_prompt(prompt));
      if (!plan.flawless()) plan.raise();
      engine::EventSink quiet;
      engine_->run(std::move(plan), {}, quiet);
      return {};
    } catch (const Error& e) {
      return e.what();
    }
  }

  testing::TempFolder folder_;
  std::unique_ptr<engine::Engine> engine_;
};

TEST_F(Collection, RunsToPictures) {
  EASEL_NEEDS_SHARED();
  size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(testing::shared_dir() / "workflows" / "collection")) {
    if (entry.path().extension() != ".json") continue;
    ++files;
    SCOPED_TRACE(entry.path().filename().string());
    EXPECT_EQ(run(entry.path()), "");
  }
  EXPECT_EQ(files, 40u);
}

}  // namespace
}  // namespace easel::nodes
