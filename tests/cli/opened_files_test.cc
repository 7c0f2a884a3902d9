// How often the program opens its model files, as the system sees it.
#include "support/opened_files.h"

#include <gtest/gtest.h>

#include "command.h"
#include "formats/pictures/picture.h"
#include "server/http/http_client.h"
#include "support/tiny_models.h"
#include "techniques/techniques.h"
#include "workflow/json.h"

namespace easel::cli {
namespace {

using easel::testing::OpenedFiles;
namespace fs = std::filesystem;
using workflow::Json;

constexpr const char* kCheckpoint = "v1-5-pruned-emaonly.safetensors";
constexpr const char* kVae = "vae-ft-mse-840000-ema-pruned.safetensors";

class Opened : public ::testing::Test {
 protected:
  Opened() : place_("opened") {
    formats::save_png(place_.folder() / "input" / "a.png", Tensor::full({1, 64, 64, 3}, 0.25f));
    for (const auto& [folder, file] :
         {std::pair{"checkpoints", kCheckpoint}, std::pair{"checkpoints", "sd_xl_base_1.0.safetensors"},
          std::pair{"vae", kVae}}) {
      fs::create_directories(models() / folder);
      fs::copy_file(easel::testing::tiny_models_dir() / folder / file, models() / folder / file);
    }
  }
  fs::path models() const { return place_.folder() / "models"; }
  // img2img with one step.
  static Json workflow() {
    workflow::Prompt prompt = techniques::shipped_workflow("img2img");
    for (auto& node : prompt.nodes) {
      if (node.class_type == "LoadImage") node.inputs["image"] = "a.png";
      if (node.class_type == "KSampler") node.inputs["steps"] = 1;
      if (node.class_type == "ImageScale") node.inputs["width"] = node.inputs["height"] = 64;
    }
    return workflow::to_json(prompt);
  }

  testing::Workplace place_;
};

using Counts = std::map<std::string, int>;

// Choosing the files, checking and running: what the workflow needs is opened once, and nothing else.
TEST_F(Opened, AQuickCommandOpensEachFileOnce) {
  OpenedFiles opened(models());
  const auto result = place_.run({"img2img", "input/a.png", "-p", "a barn", "--steps", "1", "--size", "64x64"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(opened.take(), (Counts{{kCheckpoint, 1}, {kVae, 1}}));
}

TEST_F(Opened, ARunAndASweepOpenEachFileOnce) {
  place_.put("flow.json", workflow().dump());
  OpenedFiles opened(models());
  auto result = place_.run({"run", "flow.json"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(opened.take(), (Counts{{kCheckpoint, 1}, {kVae, 1}}));
  result = place_.run({"sweep", "flow.json", "--set", "KSampler.denoise=0.5,1"});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(opened.take(), (Counts{{kCheckpoint, 1}, {kVae, 1}}));
}

// The job is run by the plan of its POST, which opened the files; where all results are known, none is opened.
TEST_F(Opened, APostOpensEachFileOnceAndNoneWhenItsResultsAreKnown) {
  place_.start({"serve", "--port", "0", "--log-json"});
  place_.wait_for("\n");
  const std::string out = place_.get("stdout");
  const server::HttpClient client(out.substr(out.find("http"), out.find('\n') - out.find("http")), "");
  Json prompt = workflow();
  const auto post = [&] {
    const auto answer = client.post("/prompt?wait=1", Json{{"prompt", prompt}}.dump());
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_NE(answer.body.find("success"), std::string::npos) << answer.body;
  };
  OpenedFiles opened(models());
  post();
  EXPECT_EQ(opened.take(), (Counts{{kCheckpoint, 1}, {kVae, 1}}));
  post();
  EXPECT_EQ(opened.take(), Counts{});
  // Other noise: the models are known and in memory.
  for (auto& node : prompt)
    if (node["class_type"] == "KSampler") node["inputs"]["seed"] = 77;
  post();
  EXPECT_EQ(opened.take(), Counts{});
  // A file that has changed is looked at again, by the check or by the run that finds it changed.
  fs::last_write_time(models() / "vae" / kVae, fs::file_time_type::clock::now() + std::chrono::seconds(5));
  post();
  EXPECT_EQ(opened.take(), (Counts{{kVae, 1}}));
}

}  // namespace
}  // namespace easel::cli
