#include "engine/engine.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/atomic_file.h"
#include "engine/order.h"
#include "engine/preview.h"
#include "engine/trace.h"
#include "formats/picture.h"
#include "formats/safetensors.h"
#include "models/handles.h"
#include "sampling/conditioning.h"
#include "toy_nodes.h"

namespace easel::engine {
namespace {

namespace fs = std::filesystem;
using toys::Recorder;
using toys::ToyNodes;
using Strings = std::vector<std::string>;

constexpr const char* kSums = R"({
  "1": {"class_type": "Number", "inputs": {"value": 1}},
  "2": {"class_type": "Number", "inputs": {"value": 2}},
  "3": {"class_type": "Sum", "inputs": {"b": ["1", 0], "a": ["2", 0], "seed": 5}},
  "4": {"class_type": "Sum", "inputs": {"a": ["3", 0], "b": ["1", 0], "seed": 0}},
  "5": {"class_type": "Show", "inputs": {"value": ["4", 0]}}})";

workflow::Json json(const char* text) { return workflow::parse_json(text); }

class EngineTest : public ::testing::Test {
 protected:
  Engine make(size_t result_budget = 1 << 20) {
    EngineOptions options;
    options.table = &toys_.table;
    options.result_budget = result_budget;
    return Engine(std::move(options));
  }
  // Runs a prompt and returns what ran, in order.
  Strings run(Engine& engine, const workflow::Json& prompt) {
    toys_.ran.clear();
    sink_ = Recorder();
    const auto checked = engine.check(workflow::parse_prompt(prompt));
    EXPECT_TRUE(checked.flawless()) << checked.text();
    toys_.ran.clear();  // of foresight
    engine.run({.prompt = checked.prompt, .outputs = checked.outputs, .cancel = toys_.cancel}, sink_);
    return toys_.ran;
  }
  ToyNodes toys_;
  Recorder sink_;
};

TEST_F(EngineTest, RunsDepthFirstInTheOrderInputsAreDeclared) {
  Engine engine = make();
  EXPECT_EQ(run(engine, json(kSums)), (Strings{"2", "1", "3", "4", "5"}));
  EXPECT_EQ(sink_.log, (Strings{"start 2", "end 2", "start 1", "end 1", "start 3", "end 3", "start 4", "end 4",
                                "start 5", "end 5"}));
}

TEST_F(EngineTest, NothingThatIsUnchangedRunsAgain) {
  Engine engine = make();
  run(engine, json(kSums));
  EXPECT_EQ(run(engine, json(kSums)), Strings{});
  EXPECT_EQ(sink_.reused_nodes, (Strings{"2", "1", "3", "4", "5"}));
  EXPECT_EQ(sink_.log, Strings{"end 5"});  // output nodes show again what they showed
}

TEST_F(EngineTest, WhatChangedRunsAgainAndSaysWhy) {
  Engine engine = make();
  run(engine, json(kSums));
  auto prompt = json(kSums);
  prompt["3"]["inputs"]["seed"] = 6;
  EXPECT_EQ(run(engine, prompt), (Strings{"3", "4", "5"}));
  EXPECT_EQ(sink_.why["3"], "input seed changed");
  EXPECT_EQ(sink_.why["4"], "node 3 before it changed");
  // Back to an earlier state, whose results are still there; ids do not matter.
  EXPECT_EQ(run(engine, json(kSums)), Strings{});
  prompt = json(R"({"10": {"class_type": "Number", "inputs": {"value": 1}},
                    "11": {"class_type": "Show", "inputs": {"value": ["10", 0]}}})");
  EXPECT_EQ(run(engine, prompt), Strings{"11"});
}

TEST_F(EngineTest, TheSameInputsUnderAnotherNameAreNotTheSame) {
  Engine engine = make();
  run(engine, json(kSums));
  auto prompt = json(kSums);
  std::swap(prompt["3"]["inputs"]["a"], prompt["3"]["inputs"]["b"]);
  EXPECT_EQ(run(engine, prompt), (Strings{"3", "4", "5"}));
}

TEST_F(EngineTest, NodesThatAlwaysRunTakeTheirFollowersAlong) {
  Engine engine = make();
  const auto prompt = json(R"({"1": {"class_type": "Always", "inputs": {}},
                               "2": {"class_type": "Show", "inputs": {"value": ["1", 0]}}})");
  run(engine, prompt);
  EXPECT_EQ(run(engine, prompt), (Strings{"1", "2"}));
  EXPECT_EQ(sink_.why["1"], "it runs every time");
}

TEST_F(EngineTest, NamesWithVariablesAreSavedEveryTime) {
  Engine engine = make();
  auto prompt = json(kSums);
  prompt["5"]["inputs"]["prefix"] = "%date:hhmmss%";
  run(engine, prompt);
  EXPECT_EQ(run(engine, prompt), Strings{"5"});
}

TEST_F(EngineTest, ResultsBeyondTheBudgetAreMadeAgain) {
  Engine engine = make(20);  // two numbers
  run(engine, json(kSums));
  EXPECT_LE(engine.result_bytes(), 20u);
  auto prompt = json(kSums);
  prompt["5"]["inputs"]["prefix"] = "y";
  EXPECT_EQ(run(engine, prompt), Strings{"5"});  // needs only node 4, which is there
  prompt["4"]["inputs"]["seed"] = 1;
  EXPECT_EQ(run(engine, prompt), (Strings{"1", "4", "5"}));
  EXPECT_EQ(sink_.why["1"], "its result was no longer kept");
  engine.free_results();
  EXPECT_EQ(engine.result_bytes(), 0u);
}

TEST_F(EngineTest, ErrorsNameTheirNode) {
  Engine engine = make();
  const auto prompt = json(R"({"1": {"class_type": "Number", "inputs": {"value": 1}},
                               "2": {"class_type": "Fails", "inputs": {"value": ["1", 0]}},
                               "3": {"class_type": "Show", "inputs": {"value": ["2", 0]}}})");
  try {
    run(engine, prompt);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kMismatch);
    EXPECT_EQ(e.node(), "2");
    EXPECT_EQ(e.node_class(), "Fails");
    EXPECT_EQ(e.input(), "value");
  }
  EXPECT_EQ(sink_.log.back(), "start 2");
  // What went well before is not lost.
  EXPECT_THROW(run(engine, prompt), Error);
  EXPECT_EQ(toys_.ran, Strings{"2"});
}

TEST_F(EngineTest, OtherExceptionsBecomeErrorsToo) {
  Engine engine = make();
  try {
    run(engine, json(R"({"1": {"class_type": "Throws", "inputs": {}},
                         "2": {"class_type": "Show", "inputs": {"value": ["1", 0]}}})"));
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kInternal);
    EXPECT_EQ(e.node(), "1");
  }
}

TEST_F(EngineTest, StopsWithinAStep) {
  Engine engine = make();
  const auto prompt = json(R"({"1": {"class_type": "Stops", "inputs": {}},
                               "2": {"class_type": "Show", "inputs": {"value": ["1", 0]}}})");
  try {
    run(engine, prompt);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kCancelled);
    EXPECT_EQ(e.node(), "1");
  }
  EXPECT_EQ(sink_.log.back(), "step 1 3/10");
}

TEST_F(EngineTest, LongChainsNeedNoStack) {
  Engine engine = make();
  workflow::Json prompt = json(R"({"0": {"class_type": "Number", "inputs": {"value": 1}}})");
  for (int i = 1; i <= 3000; ++i) {
    const std::string before = std::to_string(i - 1);
    prompt.push_back({std::to_string(i),
                      {{"class_type", "Sum"}, {"inputs", {{"a", {before, 0}}, {"b", {before, 0}}, {"seed", 0}}}}});
  }
  prompt["show"] = {{"class_type", "Show"}, {"inputs", {{"value", {"3000", 0}}}}};
  EXPECT_EQ(run(engine, prompt).size(), 3002u);
}

TEST_F(EngineTest, WhatDoesNotFitIsForeseen) {
  Engine engine = make();
  auto prompt = json(R"({"1": {"class_type": "Loader", "inputs": {"model": 3}},
                         "2": {"class_type": "Sampler", "inputs": {"model": ["1", 0], "steps": 4}},
                         "3": {"class_type": "Show", "inputs": {"value": ["2", 0]}},
                         "4": {"class_type": "Number", "inputs": {"value": 1}},
                         "5": {"class_type": "Show", "inputs": {"value": ["4", 0]}}})");
  const auto checked = engine.check(workflow::parse_prompt(prompt));
  EXPECT_TRUE(checked.runnable());  // node 5 is fine
  EXPECT_EQ(checked.outputs, Strings{"5"});
  ASSERT_EQ(checked.faulty.size(), 1u);
  EXPECT_EQ(checked.faulty[0].id, "2");
  EXPECT_EQ(checked.faulty[0].dependent_outputs, Strings{"3"});
  EXPECT_EQ(checked.faulty[0].faults[0].type, "custom_validation_failed");
  EXPECT_EQ(checked.faulty[0].faults[0].details, "model - model 3 is odd. Take 2");
  EXPECT_EQ(toys_.ran, Strings{"1"});  // only the loader was run
  prompt["1"]["inputs"]["model"] = 2;
  EXPECT_TRUE(engine.check(workflow::parse_prompt(prompt)).flawless());
  // Also beside other faults.
  prompt["1"]["inputs"]["model"] = 3;
  prompt["4"]["inputs"]["value"] = 5000;
  EXPECT_EQ(engine.check(workflow::parse_prompt(prompt)).faulty.size(), 2u);
  prompt.erase("5");
  EXPECT_EQ(engine.check(workflow::parse_prompt(prompt)).error["type"], "prompt_outputs_failed_validation");
}

// A folder of its own, and the real nodes.
class FilesTest : public ::testing::Test {
 protected:
  FilesTest() : root_(fs::temp_directory_path() / ("easel-engine-" + std::to_string(getpid()))) {
    fs::remove_all(root_);
    fs::create_directories(root_ / "input");
    formats::save_png(root_ / "input" / "a.png", Tensor::full({1, 8, 16, 3}, 0.25f));
    EngineOptions options;
    options.directories = {root_ / "input", root_ / "output", root_ / "temp"};
    engine_ = std::make_unique<Engine>(std::move(options));
  }
  ~FilesTest() override { fs::remove_all(root_); }
  RunReport run(const workflow::Json& prompt) {
    sink_ = Recorder();
    const auto checked = engine_->check(workflow::parse_prompt(prompt));
    if (!checked.flawless()) checked.raise();
    return engine_->run({.prompt = checked.prompt, .outputs = checked.outputs, .picture_text = {{"workflow", "{}"}}},
                        sink_);
  }
  static workflow::Json save_inverted() {
    return json(R"({"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
                    "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
                    "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "sub/inv"}}})");
  }
  fs::path root_;
  std::unique_ptr<Engine> engine_;
  Recorder sink_;
};

TEST_F(FilesTest, SavedPicturesCarryTheirWorkflow) {
  run(save_inverted());
  ASSERT_EQ(sink_.shown.size(), 1u);
  EXPECT_EQ(sink_.shown[0].filename, "inv_00001_.png");
  EXPECT_EQ(sink_.shown[0].subfolder, "sub");
  const auto picture = formats::load_picture(root_ / "output" / "sub" / "inv_00001_.png");
  EXPECT_NEAR(picture.rgb.f32()[0], 192 / 255.0f, 1e-6);
  EXPECT_EQ(workflow::parse_json(picture.text.at("prompt")), save_inverted());
  EXPECT_EQ(picture.text.at("workflow"), "{}");
}

// A sink that is a client: it takes finished pictures.
struct Taker final : EventSink {
  bool picture(const std::string& node, const nodes::SentPicture& p) override {
    from.push_back(node);
    taken.push_back(p);
    return take;
  }
  void node_finished(const NodeReport&, const nodes::Ui& ui) override {
    for (const auto& [list, files] : ui) shown.insert(shown.end(), files.begin(), files.end());
  }
  bool take = true;
  std::vector<std::string> from;
  std::vector<nodes::SentPicture> taken;
  std::vector<nodes::UiFile> shown;
};

Tensor pixels_of(const std::string& file) {
  return formats::decode_picture({reinterpret_cast<const uint8_t*>(file.data()), file.size()}).rgb;
}

TEST_F(FilesTest, PicturesAreSentToAClientOrSaved) {
  const auto prompt = json(R"({"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
      "2": {"class_type": "RepeatImageBatch", "inputs": {"image": ["1", 0], "amount": 2}},
      "3": {"class_type": "SaveImageWebsocket", "inputs": {"images": ["2", 0]}},
      "4": {"class_type": "ETN_SendImageWebSocket", "inputs": {"images": ["1", 0], "format": "JPEG"}}})");
  const auto checked = engine_->check(workflow::parse_prompt(prompt));
  ASSERT_TRUE(checked.flawless());
  const Tensor original = formats::load_picture(root_ / "input" / "a.png").rgb;
  for (const bool take : {true, true, false}) {
    Taker client;
    client.take = take;
    engine_->run({.prompt = checked.prompt, .outputs = checked.outputs}, client);
    ASSERT_EQ(client.from, (std::vector<std::string>{"3", "3", "4"}));
    EXPECT_EQ(client.taken[1].value, 1);
    EXPECT_EQ(client.taken[1].max, 2);
    EXPECT_EQ(client.taken[0].content_type, "image/png");
    EXPECT_EQ(client.taken[2].content_type, "image/jpeg");
    const Tensor sent = pixels_of(client.taken[0].data), lossy = pixels_of(client.taken[2].data);
    EXPECT_TRUE(std::equal(sent.values().begin(), sent.values().end(), original.values().begin()));
    EXPECT_EQ(lossy.shape(), original.shape());
    if (take) {
      ASSERT_EQ(client.shown.size(), 1u);
      EXPECT_EQ(client.shown[0].sent_as, "image/jpeg");
      EXPECT_FALSE(fs::exists(root_ / "output"));
    } else {
      ASSERT_EQ(client.shown.size(), 3u);
      EXPECT_EQ(client.shown[2].filename, "ComfyUI_00003_.png");
      EXPECT_TRUE(fs::exists(root_ / "output" / "ComfyUI_00003_.png"));
    }
  }
}

TEST_F(FilesTest, PicturesMayBePartOfTheWorkflow) {
  // 2 x 1 pixels: red at half opacity, and blue.
  const std::string text =
      "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAYAAAD0In+KAAAAEUlEQVR4nGP4z8DQwMDw/z8ADX4DfuoeFyEAAAAASUVORK5CYII=";
  auto prompt = json(R"({"1": {"class_type": "ETN_LoadImageBase64", "inputs": {"image": ""}},
      "2": {"class_type": "ETN_LoadMaskBase64", "inputs": {"mask": ""}},
      "3": {"class_type": "MaskPreview", "inputs": {"mask": ["1", 1]}},
      "4": {"class_type": "MaskPreview", "inputs": {"mask": ["2", 0]}},
      "5": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}})");
  prompt["1"]["inputs"]["image"] = "data:image/png;base64," + text;
  prompt["2"]["inputs"]["mask"] = text;
  const auto checked = engine_->check(workflow::parse_prompt(prompt));
  ASSERT_TRUE(checked.flawless());
  TensorMap trace;
  EventSink quiet;
  engine_->run({.prompt = checked.prompt, .outputs = checked.outputs, .trace = &trace}, quiet);
  const auto values = [&](const char* key) {
    const auto all = trace.find(key)->values();
    return std::vector<float>(all.begin(), all.end());
  };
  EXPECT_EQ(values("1.0.IMAGE"), (std::vector<float>{1, 0, 0, 0, 0, 1}));
  EXPECT_NEAR(values("1.1.MASK")[0], 127 / 255.0, 1e-6);
  EXPECT_EQ(values("1.1.MASK")[1], 0);
  EXPECT_EQ(values("2.0.MASK"), (std::vector<float>{1, 0}));
  for (const std::string& bad : {std::string("%"), text.substr(0, 41), std::string(), text.substr(0, 60)}) {
    prompt["1"]["inputs"]["image"] = bad;
    try {
      run(prompt);
      ADD_FAILURE() << bad;
    } catch (const Error& e) {
      EXPECT_EQ(e.node(), "1");
      EXPECT_EQ(e.input(), "image");
    }
  }
}

TEST_F(FilesTest, ModelsEnlargePictures) {
  // A compact upscaler that adds nothing to the nearest pixel.
  TensorMap file;
  for (const char* name : {"body.0", "body.2"}) {
    const int64_t in = name[5] == '0' ? 3 : 4, out = name[5] == '0' ? 4 : 12;
    file.set(std::string(name) + ".weight", Tensor::zeros({out, in, 3, 3}));
    file.set(std::string(name) + ".bias", Tensor::zeros({out}));
  }
  file.set("body.1.weight", Tensor::zeros({4}));
  fs::create_directories(root_ / "models" / "upscale_models");
  fs::create_directories(root_ / "models" / "checkpoints");
  formats::write_safetensors(root_ / "models" / "upscale_models" / "twice.safetensors", file);
  TensorMap other;
  other.set("layers.0.weight", Tensor::zeros({4}));
  formats::write_safetensors(root_ / "models" / "upscale_models" / "other.safetensors", other);
  Engine engine({.folders = models::Folders(root_ / "models"), .directories = {root_ / "input", root_, root_}});
  auto prompt = json(R"({"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
      "2": {"class_type": "UpscaleModelLoader", "inputs": {"model_name": "twice.safetensors"}},
      "3": {"class_type": "ImageUpscaleWithModel", "inputs": {"upscale_model": ["2", 0], "image": ["1", 0]}},
      "4": {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}}})");
  const auto checked = engine.check(workflow::parse_prompt(prompt));
  ASSERT_TRUE(checked.flawless());
  TensorMap trace;
  EventSink quiet;
  engine.run({.prompt = checked.prompt, .outputs = checked.outputs, .trace = &trace}, quiet);
  const Tensor small = *trace.find("1.0.IMAGE"), large = *trace.find("3.0.IMAGE");
  ASSERT_EQ(large.shape(), (Shape{1, small.dim(1) * 2, small.dim(2) * 2, 3}));
  EXPECT_NEAR(large.f32()[large.numel() - 1], small.f32()[small.numel() - 1], 1e-6);
  // Another kind of file is refused before anything runs.
  prompt["2"]["inputs"]["model_name"] = "other.safetensors";
  const auto refused = engine.check(workflow::parse_prompt(prompt));
  ASSERT_FALSE(refused.flawless());
  try {
    refused.raise();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("node 2"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("no upscaler"), std::string::npos) << e.what();
  }
}

TEST_F(FilesTest, AChangedPictureIsReadAgain) {
  run(save_inverted());
  run(save_inverted());
  EXPECT_EQ(sink_.reused_nodes.size(), 3u);
  formats::save_png(root_ / "input" / "a.png", Tensor::full({1, 8, 24, 3}, 0.5f));
  run(save_inverted());
  EXPECT_EQ(sink_.why["1"], "file " + (fs::canonical(root_) / "input" / "a.png").string() + " changed");
  EXPECT_EQ(sink_.shown[0].filename, "inv_00002_.png");
  // A picture someone deleted is saved again.
  fs::remove(root_ / "output" / "sub" / "inv_00002_.png");
  run(save_inverted());
  EXPECT_EQ(sink_.reused_nodes.size(), 2u);
  EXPECT_TRUE(fs::exists(root_ / "output" / "sub" / "inv_00002_.png"));
}

TEST_F(FilesTest, NamesCannotLeaveTheirFolders) {
  auto prompt = save_inverted();
  prompt["3"]["inputs"]["filename_prefix"] = "../outside";
  EXPECT_THROW(run(prompt), Error);
  EXPECT_FALSE(fs::exists(root_ / "outside_00001_.png"));
  prompt = save_inverted();
  write_file(root_ / "secret.png", "x");
  prompt["1"]["inputs"]["image"] = "../secret.png";
  EXPECT_THROW(run(prompt), Error);
  fs::create_symlink(root_ / "secret.png", root_ / "input" / "link.png");
  prompt["1"]["inputs"]["image"] = "link.png";
  EXPECT_THROW(run(prompt), Error);
}

TEST_F(FilesTest, PrefixesMayNameOtherNodes) {
  auto prompt = save_inverted();
  prompt["3"]["inputs"]["filename_prefix"] = "%LoadImage.image% %width%x%height% %unknown.x%";
  run(prompt);
  EXPECT_EQ(sink_.shown.at(0).filename, "a.png 16x8 %unknown.x%_00001_.png");
}

TEST_F(FilesTest, DamagedPicturesAreNamed) {
  write_file(root_ / "input" / "bad.png", "no picture");
  auto prompt = save_inverted();
  prompt["1"]["inputs"]["image"] = "bad.png";
  try {
    run(prompt);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kBadFile);
    EXPECT_EQ(e.node(), "1");
    EXPECT_NE(e.file().find("bad.png"), std::string::npos);
  }
  EXPECT_FALSE(fs::exists(root_ / "output"));
}

TEST(Trace, UsesTheReferencesKeys) {
  TensorMap trace;
  nodes::Latent latent;
  latent.samples = Tensor({1, 2, 3, 4});
  for (int i = 0; i < 24; ++i) latent.samples.f32()[i] = static_cast<float>(i);
  sampling::Conditioning conditioning(2);
  conditioning[0].cond = Tensor::zeros({1, 77, 8});
  conditioning[1].cond = Tensor::zeros({1, 77, 8});
  conditioning[1].pooled_output = Tensor::zeros({1, 8});
  add_trace(trace, "7",
            {nodes::image(Tensor::zeros({1, 2, 2, 3})), nodes::latent(latent),
             nodes::Value("CONDITIONING", conditioning), nodes::Value()});
  Strings keys;
  for (const auto& [key, tensor] : trace) keys.push_back(key);
  EXPECT_EQ(keys, (Strings{"7.0.IMAGE", "7.1.LATENT.samples", "7.2.CONDITIONING.0.cond", "7.2.CONDITIONING.1.cond",
                           "7.2.CONDITIONING.1.pooled_output"}));
  const Tensor& samples = *trace.find("7.1.LATENT.samples");
  EXPECT_EQ(samples.shape(), (Shape{1, 4, 2, 3}));
  EXPECT_EQ(samples.f32()[1], 4.0f);  // channel 0, next cell
}

TEST(Preview, IsAPixelPerCell) {
  const Preview p = latent_preview(Tensor::zeros({2, 3, 5, 4}), 0.18215f);
  EXPECT_EQ(p.width, 5);
  EXPECT_EQ(p.height, 3);
  EXPECT_EQ(p.rgb.size(), 45u);
  EXPECT_EQ(p.rgb[0], 127);
  EXPECT_EQ(latent_preview(Tensor::zeros({1, 3, 5, 16}), 1.0f).width, 0);
}

}  // namespace
}  // namespace easel::engine
