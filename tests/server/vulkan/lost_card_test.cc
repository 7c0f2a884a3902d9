// A graphics card that is lost while a job runs on it: the job fails, the server lives, and goes on with the processor
// if it was told so.
#include <gtest/gtest.h>

#include <atomic>

#include "engine/engine.h"
#include "formats/pictures/picture.h"
#include "nodes/standard_table.h"
#include "ops/backend.h"
#include "ops/vulkan/device/faults.h"
#include "server/jobs/run/engine_runner.h"
#include "server/test_server.h"
#include "support/tiny_models.h"

namespace easel::server {
namespace {

using testing::get;
using testing::Json;

Json sampling(int seed) {
  Json prompt = Json::parse(R"json({
    "m": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5-pruned-emaonly.safetensors"}},
    "p": {"class_type": "CLIPTextEncode", "inputs": {"text": "a barn at night", "clip": ["m", 1]}},
    "l": {"class_type": "EmptyLatentImage", "inputs": {"width": 32, "height": 32, "batch_size": 1}},
    "out": {"class_type": "KSampler", "inputs": {"model": ["m", 0], "seed": 7, "steps": 2, "cfg": 2.0,
      "sampler_name": "euler", "scheduler": "normal", "positive": ["p", 0], "negative": ["p", 0],
      "latent_image": ["l", 0], "denoise": 1.0}},
    "d": {"class_type": "VAEDecode", "inputs": {"samples": ["out", 0], "vae": ["m", 2]}},
    "show": {"class_type": "SaveImage", "inputs": {"images": ["d", 0], "filename_prefix": "x"}}
  })json");
  prompt["out"]["inputs"]["seed"] = seed;
  return prompt;
}

std::atomic<int> submissions_left;
PFN_vkQueueSubmit submit_to_the_driver;
VkResult VKAPI_PTR lost_after_some(VkQueue queue, uint32_t count, const VkSubmitInfo* infos, VkFence fence) {
  if (submissions_left-- <= 0) return VK_ERROR_DEVICE_LOST;
  return submit_to_the_driver(queue, count, infos, fence);
}

class LostCard : public ::testing::Test {
 protected:
  void SetUp() override {
    if (ops::vulkan::gpu_descriptions().empty()) GTEST_SKIP() << "no Vulkan device";
    configure_log(Level::kError, false);
  }
  void TearDown() override {
    server_.reset();
    ops::set_compute_device(kHost);
  }

  void serve(const std::string& device) {
    server_.reset();
    ops::start_compute_device(device);
    engine::EngineOptions options{.table = nodes::standard_table(),
                                  .folders = library::Folders(easel::testing::tiny_models_dir())};
    options.directories = {folder_.path() / "input", folder_.path() / "output", folder_.path() / "temp"};
    options.computing = [] {
      const Device now = ops::compute_device();
      return engine::Computing{device_name(now), ops::device_memory_bytes(now)};
    };
    engine_ = std::make_unique<engine::Engine>(std::move(options));
    runner_ = std::make_unique<EngineRunner>(*engine_);
    server_ = std::make_unique<Server>(testing::options_in(folder_.path()), nodes::standard_table(), engine_->choices(),
                                       engine_->folders(), *runner_);
    server_->start();
  }
  std::string post(int seed) {
    const auto answer =
        testing::post(server_->port(), "/prompt", workflow::dump_json(Json{{"prompt", sampling(seed)}}));
    if (answer.status != 200) throw std::runtime_error(answer.body);
    return Json::parse(answer.body)["prompt_id"];
  }
  // What the history says of the job when it has ended.
  Json ended(const std::string& id) {
    Json entry;
    EXPECT_TRUE(testing::wait_for(120, [&] {
      const Json all = Json::parse(get(server_->port(), "/history/" + id).body);
      if (all.contains(id)) entry = all[id];
      return all.contains(id);
    }));
    return entry;
  }
  std::string picture(const Json& entry) {
    const std::string name = entry["outputs"]["show"]["images"][0]["filename"];
    const auto answer = get(server_->port(), "/view?filename=" + name);
    const auto* bytes = reinterpret_cast<const uint8_t*>(answer.body.data());
    const Tensor pixels = formats::decode_picture({bytes, answer.body.size()}).rgb;
    return {reinterpret_cast<const char*>(pixels.raw()), pixels.nbytes()};
  }
  std::string device() { return Json::parse(get(server_->port(), "/system_stats").body)["devices"][0]["name"]; }

  easel::testing::TempFolder folder_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<EngineRunner> runner_;
  std::unique_ptr<Server> server_;
};

TEST_F(LostCard, FailsItsJobAndTheNextOnesAreComputedOnTheProcessor) {
  serve("cpu");
  const std::string expected = picture(ended(post(3)));
  serve("vulkan,cpu");
  EXPECT_EQ(device(), "vulkan");
  const size_t of_the_card = engine_->memory_budget();
  ASSERT_TRUE(ended(post(1))["status"]["completed"]);  // models and results are there and would be reused
  ops::vulkan::FaultyDriver driver(0);
  submit_to_the_driver = driver.calls().vkQueueSubmit;
  submissions_left = 3;
  driver.calls().vkQueueSubmit = lost_after_some;
  // Both are checked, and have their loaders' models, before the card is lost.
  const std::string first = post(2), second = post(3);
  const Json failed = ended(first);
  EXPECT_FALSE(failed["status"]["completed"]);
  const std::string said = failed["status"].dump();
  EXPECT_NE(said.find(ops::vulkan::gpu_descriptions()[0].name + " was lost"), std::string::npos) << said;
  EXPECT_NE(said.find("--device"), std::string::npos) << said;
  const Json done = ended(second);
  ASSERT_TRUE(done["status"]["completed"]) << done;
  EXPECT_EQ(picture(done), expected);
  EXPECT_EQ(device(), "cpu");
  ASSERT_TRUE(ended(post(2))["status"]["completed"]);
  EXPECT_NE(engine_->memory_budget(), of_the_card);
}

TEST_F(LostCard, FailsEveryJobUnlessToldOtherwise) {
  serve("vulkan");
  ASSERT_TRUE(ended(post(1))["status"]["completed"]);
  ops::vulkan::FaultyDriver driver(0);
  submit_to_the_driver = driver.calls().vkQueueSubmit;
  submissions_left = 3;
  driver.calls().vkQueueSubmit = lost_after_some;
  for (int seed = 2; seed <= 3; ++seed) {
    const Json failed = ended(post(seed));
    EXPECT_FALSE(failed["status"]["completed"]);
    EXPECT_NE(failed["status"].dump().find(" was lost"), std::string::npos) << failed["status"];
  }
  EXPECT_EQ(device(), "vulkan");
  EXPECT_EQ(get(server_->port(), "/prompt").status, 200);
}

}  // namespace
}  // namespace easel::server
