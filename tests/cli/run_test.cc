// The program itself: exit codes, what it prints where, what it leaves behind.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "base/error.h"
#include "command.h"
#include "formats/pictures/picture.h"
#include "support/tiny_models.h"
#include "workflow/json.h"

namespace easel::cli {
namespace {

namespace fs = std::filesystem;
using workflow::Json;

class Run : public ::testing::Test {
 protected:
  Run() { formats::save_png(place_.folder() / "input" / "a.png", Tensor::full({1, 8, 16, 3}, 0.25f)); }
  static Json good() {
    return workflow::parse_json(R"({
      "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
      "2": {"class_type": "ImageScale", "inputs": {"image": ["1", 0], "upscale_method": "bilinear", "width": 32,
            "height": 24, "crop": "disabled"}},
      "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "out"}}})");
  }
  testing::Workplace::Result run(const Json& workflow, std::vector<std::string> more = {}) {
    place_.put("flow.json", workflow.dump());
    std::vector<std::string> arguments{"run", "flow.json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return place_.run(arguments);
  }
  std::set<std::string> saved() const {
    std::set<std::string> out;
    if (fs::exists(place_.folder() / "output"))
      for (const auto& file : fs::recursive_directory_iterator(place_.folder() / "output"))
        if (file.is_regular_file()) out.insert(file.path().filename());
    return out;
  }
  testing::Workplace place_;
};

TEST_F(Run, SavesAndPrintsThePicture) {
  const auto result = run(good());
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "output/out_00001_.png\n");
  const auto picture = formats::load_picture(place_.folder() / "output" / "out_00001_.png");
  EXPECT_EQ(picture.width, 32);
  EXPECT_EQ(picture.height, 24);
}

// What no backend is called, and one that was not built, is said before anything is loaded.
TEST_F(Run, ABackendThatIsNotThereIsSaidAtOnce) {
  for (const auto& [name, code] : {std::pair{"gpu", 2}, {"vulkan:99", 7}}) {
    setenv("EASEL_BACKEND", name, 1);
    const auto result = run(good());
    unsetenv("EASEL_BACKEND");
    EXPECT_EQ(result.code, code) << result.err;
    EXPECT_NE(result.err.find(code == 2 ? "gpu" : "Vulkan"), std::string::npos) << result.err;
    EXPECT_TRUE(saved().empty());
  }
  setenv("EASEL_BACKEND", "reference", 1);
  EXPECT_EQ(run(good()).code, 0);
  unsetenv("EASEL_BACKEND");
}

TEST_F(Run, ASavedPictureRunsAgainWithOtherValues) {
  ASSERT_EQ(run(good()).code, 0);
  const auto again =
      place_.run({"run", "output/out_00001_.png", "--set", "ImageScale.width=40", "--set", "3.filename_prefix=b"});
  EXPECT_EQ(again.out, "output/b_00001_.png\n") << again.err;
  EXPECT_EQ(formats::load_picture(place_.folder() / "output" / "b_00001_.png").width, 40);
}

TEST_F(Run, JsonIsOneEventALine) {
  const auto result = run(good(), {"--json"});
  std::vector<std::string> events;
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) events.push_back(workflow::parse_json(line)["event"]);
  EXPECT_EQ(events, (std::vector<std::string>{"reused", "node_started", "node_finished", "node_started",
                                              "node_finished", "node_started", "node_finished", "finished"}));
}

struct Fault {
  const char *name, *node, *key, *value;
  int code;
  const char* said;
};
void PrintTo(const Fault& c, std::ostream* out) { *out << c.name; }

class Faulty : public Run, public ::testing::WithParamInterface<Fault> {};

TEST_P(Faulty, IsRefusedInOneClearErrorAndNothingIsWritten) {
  const Fault& f = GetParam();
  Json workflow = good();
  if (std::string(f.key) == "class_type") workflow[f.node]["class_type"] = f.value;
  else workflow[f.node]["inputs"][f.key] = workflow::parse_json(f.value);
  if (std::string(f.name) == "broken_picture") place_.put("input/bad.png", "no picture");
  const auto result = run(workflow);
  EXPECT_EQ(result.code, f.code);
  EXPECT_NE(result.err.find(f.said), std::string::npos) << result.err;
  EXPECT_TRUE(result.out.empty()) << result.out;
  EXPECT_TRUE(saved().empty());
  const auto json = run(workflow, {"--json"});
  EXPECT_EQ(json.code, f.code);
  const Json last = workflow::parse_json(json.out.substr(json.out.rfind('\n', json.out.size() - 2) + 1));
  EXPECT_EQ(last["event"], "failed");
  EXPECT_EQ(last["exit_code"], f.code);
}

INSTANTIATE_TEST_SUITE_P(
    Workflows, Faulty,
    ::testing::Values(Fault{"cycle", "2", "image", R"(["2", 0])", 3, "Dependency cycle detected"},
                      Fault{"dangling", "3", "images", R"(["9", 0])", 3, "there is no node 9"},
                      Fault{"unknown_node", "2", "class_type", "ImageScael", 3, "ImageScael does not exist"},
                      Fault{"out_of_range", "2", "width", "-5", 3, "Value -5 smaller than min of 0"},
                      Fault{"wrong_type", "2", "width", R"("wide")", 3, "invalid literal for int()"},
                      Fault{"wrong_link", "2", "image", R"(["1", 1])", 3,
                            "received_type(MASK) mismatch input_type(IMAGE)"},
                      Fault{"not_in_list", "2", "upscale_method", R"("blinear")", 3, "did you mean 'bilinear'"},
                      Fault{"no_such_picture", "1", "image", R"("b.png")", 4, "Invalid image file: b.png"},
                      Fault{"leaves_the_folder", "1", "image", R"("../flow.json")", 4, "Invalid image file"},
                      Fault{"broken_picture", "1", "image", R"("bad.png")", 5, "bad.png"},
                      Fault{"saves_outside", "3", "filename_prefix", R"("../../out")", 3, "leads outside"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_F(Run, UsageAndMissingFilesHaveTheirCodes) {
  EXPECT_EQ(place_.run({"run"}).code, 2);
  EXPECT_EQ(place_.run({"frobnicate"}).code, 2);
  EXPECT_EQ(place_.run({"run", "nothing.json"}).code, 4);
  EXPECT_EQ(run(good(), {"--set", "2.width"}).code, 2);
  EXPECT_EQ(run(good(), {"--set", "2.depth=3"}).code, 2);
  EXPECT_EQ(run(good(), {"--precision", "f8"}).code, 2);
  EXPECT_EQ(run(good(), {"--models", "nowhere"}).code, 4);
  place_.put("flow.json", "{not json");
  EXPECT_EQ(place_.run({"run", "flow.json"}).code, 3);
}

TEST_F(Run, TellsModelsThatDoNotFitFromWorkflowsThatAreWrong) {
  const Json workflow = workflow::parse_json(R"({
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5-pruned-emaonly.safetensors"}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a", "clip": ["1", 1]}},
    "3": {"class_type": "ControlNetLoader", "inputs": {"control_net_name": "diffusers_xl_canny_full.safetensors"}},
    "4": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
    "5": {"class_type": "ControlNetApply", "inputs": {"conditioning": ["2", 0], "control_net": ["3", 0],
          "image": ["4", 0], "strength": 1.0}},
    "6": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
    "7": {"class_type": "KSampler", "inputs": {"model": ["1", 0], "seed": 1, "steps": 1, "cfg": 2.0,
          "sampler_name": "euler", "scheduler": "normal", "positive": ["5", 0], "negative": ["2", 0],
          "latent_image": ["6", 0], "denoise": 1.0}},
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["7", 0], "vae": ["1", 2]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "out"}}})");
  const std::string models = ::easel::testing::tiny_models_dir().string();
  const auto misfit = run(workflow, {"--models", models, "--dry-run"});
  EXPECT_EQ(misfit.code, 6) << misfit.err;
  Json without = workflow;
  without["3"]["inputs"]["control_net_name"] = "gone.safetensors";
  const auto missing = run(without, {"--models", models, "--dry-run"});
  EXPECT_EQ(missing.code, 4) << missing.err;
}

TEST_F(Run, PicturesMayBeNamedAsOnWindows) {
  fs::create_directories(place_.folder() / "input" / "my pictures");
  formats::save_png(place_.folder() / "input" / "my pictures" / "\u00fcber.png", Tensor::full({1, 8, 16, 3}, 0.25f));
  Json workflow = good();
  workflow["1"]["inputs"]["image"] = "my pictures\\\u00fcber.png";
  EXPECT_EQ(run(workflow).code, 0);
}

TEST_F(Run, APictureOfAnotherProgramSaysSo) {
  formats::save_png(place_.folder() / "webui.png", Tensor::full({1, 8, 8, 3}, 0.5f),
                    {{"parameters", "a barn\nSteps: 20, Sampler: Euler a, Seed: 1"}});
  const auto result = place_.run({"run", "webui.png"});
  EXPECT_EQ(result.code, 3);
  EXPECT_NE(result.err.find("AUTOMATIC1111"), std::string::npos) << result.err;
}

TEST_F(Run, QuickCommandsLeaveNoCopiesOfPictures) {
  fs::create_directories(place_.folder() / "tmp");
  setenv("TMPDIR", (place_.folder() / "tmp").c_str(), 1);
  EXPECT_EQ(place_.run({"vary", "input/a.png", "nothing.png"}).code, 4);
  EXPECT_EQ(place_.run({"vary", "input/a.png", "input/a.png"}).code, 4);  // no models
  unsetenv("TMPDIR");
  EXPECT_TRUE(fs::is_empty(place_.folder() / "tmp"));
}

TEST_F(Run, DryRunChecksOnly) {
  const auto result = run(good(), {"--dry-run"});
  EXPECT_EQ(result.code, 0);
  EXPECT_TRUE(saved().empty());
}

TEST_F(Run, TraceIsASafetensorsFile) {
  ASSERT_EQ(run(good(), {"--trace", "t.safetensors"}).code, 0);
  EXPECT_NE(place_.get("t.safetensors").find("\"2.0.IMAGE\""), std::string::npos);
}

TEST_F(Run, StopsWithinAStepAndLeavesNothingBehind) {
  const Json workflow = workflow::parse_json(R"({
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5-pruned-emaonly.safetensors"}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a", "clip": ["1", 1]}},
    "3": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
    "4": {"class_type": "KSampler", "inputs": {"model": ["1", 0], "seed": 1, "steps": 10000, "cfg": 2.0,
          "sampler_name": "euler", "scheduler": "normal", "positive": ["2", 0], "negative": ["2", 0],
          "latent_image": ["3", 0], "denoise": 1.0}},
    "5": {"class_type": "VAEDecode", "inputs": {"samples": ["4", 0], "vae": ["1", 2]}},
    "6": {"class_type": "SaveImage", "inputs": {"images": ["5", 0], "filename_prefix": "out"}}})");
  place_.put("flow.json", workflow.dump());
  place_.start({"run", "flow.json", "--json", "--models", ::easel::testing::tiny_models_dir().string(), "--trace",
                "t.safetensors"});
  place_.wait_for("\"progress\"");
  place_.send(SIGINT);
  const auto result = place_.finish();
  EXPECT_EQ(result.code, 130);
  EXPECT_NE(result.out.find("\"fault\":\"cancelled\""), std::string::npos);
  EXPECT_TRUE(saved().empty());
  EXPECT_FALSE(fs::exists(place_.folder() / "t.safetensors"));
}

TEST_F(Run, ConvertGoesBothWays) {
  place_.put("flow.json", good().dump());
  ASSERT_EQ(place_.run({"convert", "flow.json", "-o", "graph.json"}).code, 0);
  EXPECT_TRUE(workflow::parse_json(place_.get("graph.json")).contains("nodes"));
  const auto back = place_.run({"convert", "graph.json"});
  EXPECT_EQ(nlohmann::json(workflow::parse_json(back.out)), nlohmann::json(good()));
}

TEST_F(Run, NodesDocumentsThem) {
  EXPECT_NE(place_.run({"nodes"}).out.find("KSampler"), std::string::npos);
  const auto one = place_.run({"nodes", "KSampler"});
  EXPECT_NE(one.out.find("seed"), std::string::npos);
  EXPECT_NE(one.out.find("INT, 1 to 10000, default 20"), std::string::npos) << one.out;
  const auto missing = place_.run({"nodes", "KSamplr"});
  EXPECT_EQ(missing.code, 4);
  EXPECT_NE(missing.err.find("KSampler"), std::string::npos);
  EXPECT_TRUE(workflow::parse_json(place_.run({"nodes", "--json"}).out).contains("VAEDecode"));
}

}  // namespace
}  // namespace easel::cli
