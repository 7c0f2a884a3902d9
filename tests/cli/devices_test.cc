// What `easel devices` lists and what --device takes, with and without drivers.
#include <gtest/gtest.h>

#include <cstdlib>

#include "cli/command.h"
#include "support/tiny_models.h"
#include "workflow/json.h"

namespace easel::cli {
namespace {

using testing::Workplace;
using workflow::Json;

// While it lives, Vulkan's loader finds no driver: as on a machine without a graphics card.
struct NoDrivers {
  NoDrivers() {
    setenv("VK_ICD_FILENAMES", "/nowhere.json", 1);
    setenv("VK_DRIVER_FILES", "/nowhere.json", 1);
  }
  ~NoDrivers() {
    unsetenv("VK_ICD_FILENAMES");
    unsetenv("VK_DRIVER_FILES");
  }
};

TEST(Devices, AreListed) {
  Workplace place("devices");
  const auto result = place.run({"devices", "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const Json all = workflow::parse_json(result.out);
  EXPECT_EQ(all[0]["name"], "cpu");
  for (const Json& device : all)
    EXPECT_EQ(device["name"].is_null(), !device["lacks"].get<std::string>().empty()) << device.dump();
  EXPECT_NE(place.run({"devices"}).out.find("cpu"), std::string::npos);
}

TEST(Devices, WithoutADriverThereIsTheProcessor) {
  const NoDrivers none;
  Workplace place("devices");
  EXPECT_EQ(workflow::parse_json(place.run({"devices", "--json"}).out).size(), 1u);
  EXPECT_EQ(place.run({"doctor", "--device", "auto"}).code, 4);  // it has no model files, and that is all
  const auto refused = place.run({"doctor", "--device", "vulkan"});
  EXPECT_EQ(refused.code, 7);
  EXPECT_NE(refused.err.find("Vulkan"), std::string::npos) << refused.err;
  const auto goes_on = place.run({"doctor", "--device", "vulkan,cpu"});
  EXPECT_EQ(goes_on.code, 4);
  EXPECT_NE(goes_on.err.find("Computing on the processor: there is no Vulkan device"), std::string::npos)
      << goes_on.err;
}

// A step that is submitted again, with a LoRA and both halves of the guidance, and one recorded anew each time.
TEST(Devices, RecordedStepsGiveTheSamePicture) {
  Workplace place("devices");
  if (workflow::parse_json(place.run({"devices", "--json"}).out).size() < 2) GTEST_SKIP() << "no Vulkan device";
  place.put("w.json", R"json({
    "m": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5-pruned-emaonly.safetensors"}},
    "p": {"class_type": "CLIPTextEncode", "inputs": {"text": "a barn at night", "clip": ["m", 1]}},
    "n": {"class_type": "CLIPTextEncode", "inputs": {"text": "fog", "clip": ["m", 1]}},
    "l": {"class_type": "EmptyLatentImage", "inputs": {"width": 32, "height": 32, "batch_size": 1}},
    "t": {"class_type": "LoraLoader", "inputs": {"model": ["m", 0], "clip": ["m", 1],
      "lora_name": "sd15_style.safetensors", "strength_model": 0.8, "strength_clip": 0.5}},
    "out": {"class_type": "KSampler", "inputs": {"model": ["t", 0], "seed": 7, "steps": 5, "cfg": 4.0,
      "sampler_name": "dpmpp_2m", "scheduler": "karras", "positive": ["p", 0], "negative": ["n", 0],
      "latent_image": ["l", 0], "denoise": 1.0}},
    "d": {"class_type": "VAEDecode", "inputs": {"samples": ["out", 0], "vae": ["m", 2]}},
    "show": {"class_type": "SaveImage", "inputs": {"images": ["d", 0], "filename_prefix": "x"}}
  })json");
  const std::string models = easel::testing::tiny_models_dir().string();
  for (const char* kept : {"0", "1"}) {
    setenv("EASEL_VULKAN_RECORDINGS", kept, 1);
    const auto run = place.run({"run", "w.json", "--device", "vulkan", "--models", models, "--output", kept});
    EXPECT_EQ(run.code, 0) << run.err;
  }
  unsetenv("EASEL_VULKAN_RECORDINGS");
  EXPECT_EQ(place.get("1/x_00001_.png"), place.get("0/x_00001_.png"));
}

TEST(Devices, ANameThatIsNoneIsWrongUsage) {
  Workplace place("devices");
  for (const char* name : {"gpu", "vulkan:x", "cuda", "vulkan,gpu", "cpu,vulkan"}) {
    const auto result = place.run({"doctor", "--device", name});
    EXPECT_EQ(result.code, 2) << name;
    EXPECT_NE(result.err.find(name), std::string::npos) << result.err;
  }
}

}  // namespace
}  // namespace easel::cli
