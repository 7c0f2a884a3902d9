// What `easel devices` lists and what --device takes, with and without drivers.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/atomic_file.h"
#include "cli/command.h"
#include "support/tiny_models.h"
#include "workflow/json.h"

namespace easel::cli {
namespace {

using testing::Workplace;
namespace fs = std::filesystem;
using workflow::Json;

// While it lives, Vulkan's loader finds these drivers, and where none of them is there, none.
struct Drivers {
  explicit Drivers(const std::string& files) {
    for (const auto& [name, before] : before_) setenv(name, files.c_str(), 1);
  }
  ~Drivers() {
    for (const auto& [name, before] : before_)
      if (before) setenv(name, before->c_str(), 1);
      else unsetenv(name);
  }
  Drivers(const Drivers&) = delete;
  Drivers& operator=(const Drivers&) = delete;

 private:
  static std::optional<std::string> now(const char* name) {
    const char* value = std::getenv(name);
    return value ? std::optional<std::string>(value) : std::nullopt;
  }
  const std::pair<const char*, std::optional<std::string>> before_[2] = {{"VK_ICD_FILENAMES", now("VK_ICD_FILENAMES")},
                                                                         {"VK_DRIVER_FILES", now("VK_DRIVER_FILES")}};
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
  const Drivers none("/nowhere.json");
  Workplace place("devices");
  const Json all = workflow::parse_json(place.run({"devices", "--json"}).out);
  EXPECT_EQ(all.size(), 1u);
  const std::string why = "Vulkan's loader found no driver where VK_DRIVER_FILES says, /nowhere.json";
  EXPECT_EQ(all[0]["no_card"]["message"], why);
  EXPECT_NE(all[0]["no_card"]["advice"].get<std::string>().find("Unset VK_DRIVER_FILES"), std::string::npos);
  EXPECT_NE(place.run({"devices"}).out.find("No graphics card: " + why), std::string::npos);
  const Json machine = workflow::parse_json(place.run({"doctor", "--json"}).out)["machine"];
  EXPECT_EQ(machine["no_card"]["message"], why);
  EXPECT_EQ(place.run({"doctor", "--device", "auto"}).code, 4);  // it has no model files, and that is all
  const auto refused = place.run({"doctor", "--device", "vulkan"});
  EXPECT_EQ(refused.code, 7);
  EXPECT_NE(refused.err.find(why), std::string::npos) << refused.err;
  const auto goes_on = place.run({"doctor", "--device", "vulkan,cpu"});
  EXPECT_EQ(goes_on.code, 4);
  EXPECT_NE(goes_on.err.find("Computing on the processor: there is no Vulkan device"), std::string::npos)
      << goes_on.err;
}

// Two devices in one process: Mesa's driver for the processor, and a copy of it.
TEST(Devices, SeveralHaveNumbers) {
  Workplace place("devices");
  std::string driver;
  for (const char* name : {"lvp_icd.x86_64.json", "lvp_icd.aarch64.json", "lvp_icd.json"})
    if (const fs::path file = fs::path("/usr/share/vulkan/icd.d") / name; fs::exists(file)) driver = file;
  if (driver.empty()) GTEST_SKIP() << "no Vulkan device";
  Json copied = workflow::parse_json(read_file(driver));
  fs::path library = copied["ICD"]["library_path"].get<std::string>();
  for (const fs::path folder : {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"})
    if (!library.is_absolute() && fs::exists(folder / library)) library = folder / library;
  fs::copy_file(library, place.folder() / "copy.so");
  copied["ICD"]["library_path"] = (place.folder() / "copy.so").string();
  place.put("copy.json", copied.dump());
  const Drivers two(driver + ":" + (place.folder() / "copy.json").string());
  const Json all = workflow::parse_json(place.run({"devices", "--json"}).out);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[1]["name"], "vulkan");
  EXPECT_EQ(all[2]["name"], "vulkan:1");
  const std::string models = easel::testing::tiny_models_dir().string();
  place.put("w.json", R"json({
    "m": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5-pruned-emaonly.safetensors"}},
    "l": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
    "d": {"class_type": "VAEDecode", "inputs": {"samples": ["l", 0], "vae": ["m", 2]}},
    "show": {"class_type": "SaveImage", "inputs": {"images": ["d", 0], "filename_prefix": "x"}}
  })json");
  for (const char* device : {"vulkan", "vulkan:1"}) {
    const auto run = place.run({"run", "w.json", "--device", device, "--models", models, "--output", device});
    EXPECT_EQ(run.code, 0) << run.err;
  }
  EXPECT_EQ(place.get("vulkan/x_00001_.png"), place.get("vulkan:1/x_00001_.png"));
  EXPECT_EQ(place.run({"doctor", "--device", "vulkan:2", "--models", models}).code, 7);
  EXPECT_NE(place.run({"doctor", "--device", "vulkan:1", "--models", models}).code, 7);
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
