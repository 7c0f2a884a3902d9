// The reference's workflows, run as a person would run them, against every value the reference recorded.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "engine/engine.h"
#include "formats/pictures/picture.h"
#include "nodes/common/trace.h"
#include "nodes/standard_table.h"
#include "ops/backend.h"
#include "support/golden.h"
#include "support/paths.h"
#include "support/tiny_models.h"
#include "workflow/load.h"

namespace easel::engine {
namespace {

namespace fs = std::filesystem;
using testing::max_difference;
using testing::relative_error;

// The files that each node shows, by its id, and which nodes ran.
struct Sink final : EventSink {
  std::map<std::string, std::vector<nodes::UiFile>> files;
  std::vector<std::string> ran;
  void take(const RunEvent& event) override {
    const auto* finished = std::get_if<NodeFinished>(&event);
    if (!finished) return;
    if (!finished->report.reused) ran.push_back(finished->report.class_type);
    auto& of_node = files[finished->report.id];
    for (const auto& [list, shown] : finished->ui) of_node.insert(of_node.end(), shown.begin(), shown.end());
  }
  bool has_run(const std::string& class_type) const { return std::count(ran.begin(), ran.end(), class_type) > 0; }
};

class GoldenFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    out_ =
        fs::path(testing::kBinaryDir) / "test-output" / ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::create_directories(out_);
  }
  std::unique_ptr<Engine> start(DType compute = DType::kF32) const {
    return std::make_unique<Engine>(EngineOptions{.table = nodes::standard_table(),
                                                  .folders = library::Folders(testing::tiny_models_dir()),
                                                  .directories = {testing::shared_dir() / "input", out_, out_ / "temp"},
                                                  .compute = compute});
  }
  static workflow::Prompt load(const Engine& engine, const std::string& name) {
    return workflow::load_workflow(testing::shared_dir() / "goldens" / "tiny" / (name + ".api.json"), engine.table())
        .prompt;
  }
  static TensorMap run(Engine& engine, const workflow::Prompt& prompt, Sink& sink) {
    auto checked = engine.check(prompt);
    if (!checked.flawless()) checked.raise();
    TensorMap trace;
    engine.run(checked, {.watch = nodes::trace_into(trace)}, sink);
    return trace;
  }
  // The last decoded picture of a trace.
  static Tensor picture(const TensorMap& trace, const workflow::Prompt& prompt) {
    Tensor last;
    for (const auto& node : prompt.nodes)
      if (const Tensor* t = node.class_type == "VAEDecode" ? trace.find(node.id + ".0.IMAGE") : nullptr) last = *t;
    return last;
  }
  // One file for each picture of a batch, in its area, with the values that SaveImage cuts to 8 bits.
  void expect_files(const Tensor& pictures, const std::vector<nodes::UiFile>& files, const std::string& area) const {
    ASSERT_EQ(static_cast<int64_t>(files.size()), pictures.dim(0));
    for (int64_t n = 0; n < pictures.dim(0); ++n) {
      const nodes::UiFile& file = files[static_cast<size_t>(n)];
      EXPECT_EQ(file.type, area) << file.filename;
      const fs::path folder = area == "temp" ? out_ / "temp" : out_;
      const Tensor got = formats::load_picture(folder / file.subfolder / file.filename).rgb;
      const Tensor wanted = contiguous(pictures.slice(0, n, 1));
      ASSERT_EQ(got.shape().str(), wanted.shape().str()) << file.filename;
      for (int64_t i = 0; i < got.numel(); ++i)
        ASSERT_EQ(std::lround(got.f32()[i] * 255.0f),
                  static_cast<long>(std::clamp(wanted.f32()[i] * 255.0f, 0.0f, 255.0f)))
            << file.filename << " at " << i;
    }
  }
  fs::path out_;
};

class GoldenWorkflows : public GoldenFixture, public ::testing::WithParamInterface<const char*> {};

TEST_P(GoldenWorkflows, EveryValueInF32) {
  EASEL_NEEDS_SHARED();
  const auto engine = start();
  Sink sink;
  const TensorMap trace = run(*engine, load(*engine, GetParam()), sink);
  const TensorMap golden = testing::load_golden(std::string(GetParam()) + ".golden.safetensors");
  ASSERT_GT(golden.size(), 5u);
  for (const auto& [key, expected] : golden) {
    const Tensor* got = trace.find(key);
    ASSERT_NE(got, nullptr) << key;
    // One picture on its way into CLIP may round to another 8-bit value; nothing else is that far off.
    EXPECT_LE(relative_error(*got, expected), key.find("CLIP_VISION_OUTPUT") != std::string::npos ? 2e-4 : 1e-4) << key;
  }
  // What is saved and what is only previewed are files with the pictures just compared, cut to 8 bits.
  const auto prompt = load(*engine, GetParam());
  int compared = 0;
  for (const auto& node : prompt.nodes) {
    if (node.class_type != "SaveImage" && node.class_type != "PreviewImage") continue;
    const auto link = workflow::as_link(node.inputs.at("images"));
    ASSERT_TRUE(link) << node.id;
    const Tensor* shown = trace.find(link->node + "." + std::to_string(link->slot) + ".IMAGE");
    ASSERT_NE(shown, nullptr) << node.id;
    expect_files(*shown, sink.files[node.id], node.class_type == "SaveImage" ? "output" : "temp");
    ++compared;
  }
  EXPECT_GE(compared, 1);
}

TEST_P(GoldenWorkflows, PicturesInBf16AndInt8) {
  EASEL_NEEDS_SHARED();
  Sink sink;
  const auto precise = start();
  const auto prompt = load(*precise, GetParam());
  const Tensor a = picture(run(*precise, prompt, sink), prompt);
  for (const auto& [compute, wanted] : {std::pair{DType::kBF16, 40.0}, std::pair{DType::kI8, 35.0}}) {
    const auto quick = start(compute);
    const Tensor b = picture(run(*quick, prompt, sink), prompt);
    ASSERT_TRUE(a.defined() && a.shape() == b.shape());
    double sum = 0;
    for (int64_t i = 0; i < a.numel(); ++i) sum += std::pow(static_cast<double>(a.f32()[i]) - b.f32()[i], 2);
    const double psnr = -10 * std::log10(sum / static_cast<double>(a.numel()));
    EXPECT_GE(psnr, wanted) << dtype_name(compute);
    RecordProperty("psnr_" + std::string(dtype_name(compute)), std::to_string(psnr));
  }
}

constexpr std::array<const char*, 13> kWorkflows{"img2img_SDXL",
                                                 "conditioning_unclip",
                                                 "conditioning_unclip_multiple_imgs",
                                                 "conditioning_style",
                                                 "timestepping_style_model",
                                                 "revision_SDXL",
                                                 "unclip_SDXL_refiner",
                                                 "IPAdapter_basic_SDXL",
                                                 "IPAdapter_basic_SDXL_apply",
                                                 "IPAdapter_canny",
                                                 "IPAdapter_canny_apply",
                                                 "IPAdapter_img_variations",
                                                 "IPAdapter_img_variations_apply"};
INSTANTIATE_TEST_SUITE_P(Seed, GoldenWorkflows, ::testing::ValuesIn(kWorkflows),
                         [](const auto& test) { return std::string(test.param); });

// The same on each graphics card.
class GoldenWorkflowsOnCards : public GoldenFixture,
                               public ::testing::WithParamInterface<std::tuple<Device, const char*>> {
 protected:
  ~GoldenWorkflowsOnCards() override { ops::set_compute_device(kHost); }
};

// The first of them twice, because the driver for the processor takes half a minute for each.
TEST_P(GoldenWorkflowsOnCards, EveryValueInF32AndTheSameAgain) {
  EASEL_NEEDS_SHARED();
  const auto [device, name] = GetParam();
  ops::set_compute_device(device);
  Sink sink;
  std::vector<Tensor> pictures(name == kWorkflows[0] ? 2 : 1);
  for (Tensor& shown : pictures) {
    const auto engine = start();
    const auto prompt = load(*engine, name);
    const TensorMap trace = run(*engine, prompt, sink);
    shown = picture(trace, prompt);
    if (&shown != &pictures.front()) continue;
    const TensorMap golden = testing::load_golden(std::string(name) + ".golden.safetensors");
    ASSERT_GT(golden.size(), 5u);
    for (const auto& [key, expected] : golden) {
      const Tensor* got = trace.find(key);
      ASSERT_NE(got, nullptr) << key;
      EXPECT_LE(relative_error(*got, expected), 1e-3) << key;
    }
  }
  EXPECT_EQ(max_difference(pictures.front(), pictures.back()), 0.0);
}

std::vector<Device> cards() {
  std::vector<Device> found;
  for (const Device device : ops::devices())
    if (device.kind == DeviceKind::kVulkan) found.push_back(device);
  return found;
}

INSTANTIATE_TEST_SUITE_P(Seed, GoldenWorkflowsOnCards,
                         ::testing::Combine(::testing::ValuesIn(cards()), ::testing::ValuesIn(kWorkflows)),
                         [](const auto& test) {
                           std::string text = device_name(std::get<0>(test.param)) + "_" + std::get<1>(test.param);
                           std::replace(text.begin(), text.end(), ':', '_');
                           return text;
                         });

using WorkflowProperties = GoldenFixture;

void set(workflow::Prompt& prompt, const std::string& class_type, const std::string& input,
         const workflow::Json& value) {
  for (auto& node : prompt.nodes)
    if (node.class_type == class_type) node.inputs[input] = value;
}

// Links that lead to `from` lead to `to` instead.
void relink(workflow::Prompt& prompt, const std::string& from, const workflow::Json& to) {
  for (auto& node : prompt.nodes)
    for (auto& [name, value] : node.inputs.items())
      if (const auto link = workflow::as_link(value); link && link->node == from && link->slot == 0) value = to;
}

TEST_F(WorkflowProperties, AnAdapterOfWeightZeroChangesNothing) {
  EASEL_NEEDS_SHARED();
  const auto engine = start();
  Sink sink;
  workflow::Prompt with = load(*engine, "IPAdapter_basic_SDXL_apply"), without = with;
  set(with, "IPAdapterApply", "weight", 0.0);
  relink(without, "47", workflow::Json::array({"14", 0}));
  EXPECT_EQ(max_difference(picture(run(*engine, with, sink), with), picture(run(*engine, without, sink), without)),
            0.0);
}

TEST_F(WorkflowProperties, AControlNetOfStrengthZeroChangesNothing) {
  EASEL_NEEDS_SHARED();
  const auto engine = start();
  Sink sink;
  workflow::Prompt with = load(*engine, "IPAdapter_canny_apply"), without = with;
  set(with, "ControlNetApply", "strength", 0.0);
  relink(without, "36", workflow::Json::array({"6", 0}));
  EXPECT_EQ(max_difference(picture(run(*engine, with, sink), with), picture(run(*engine, without, sink), without)),
            0.0);
}

TEST_F(WorkflowProperties, AnEmptyTimestepRangeChangesNothing) {
  EASEL_NEEDS_SHARED();
  const auto engine = start();
  Sink sink;
  workflow::Prompt with = load(*engine, "timestepping_style_model"), without = with;
  with.find("27")->inputs["start"] = 0.5;
  with.find("27")->inputs["end"] = 0.5;
  set(with, "KSampler", "steps", 3);
  set(without, "KSampler", "steps", 3);
  with.find("28")->inputs["start"] = 0.0;
  without.find("28")->inputs["start"] = 0.0;
  relink(without, "29", workflow::Json::array({"28", 0}));
  EXPECT_EQ(max_difference(picture(run(*engine, with, sink), with), picture(run(*engine, without, sink), without)),
            0.0);
}

TEST_F(WorkflowProperties, AnotherSeedEncodesNothingAgain) {
  EASEL_NEEDS_SHARED();
  const auto engine = start();
  workflow::Prompt prompt = load(*engine, "IPAdapter_basic_SDXL_apply");
  Sink first, second, third;
  run(*engine, prompt, first);
  EXPECT_TRUE(first.has_run("CLIPTextEncodeSDXL"));
  set(prompt, "KSampler", "seed", 77);
  run(*engine, prompt, second);
  EXPECT_TRUE(second.has_run("KSampler"));
  for (const char* node : {"CLIPTextEncodeSDXL", "IPAdapterApply", "LoadImage", "CheckpointLoaderSimple"})
    EXPECT_FALSE(second.has_run(node)) << node;
  set(prompt, "IPAdapterApply", "weight", 0.3);
  run(*engine, prompt, third);
  EXPECT_TRUE(third.has_run("IPAdapterApply"));
  for (const char* node : {"CLIPTextEncodeSDXL", "LoadImage", "CheckpointLoaderSimple"})
    EXPECT_FALSE(third.has_run(node)) << node;
}

TEST_F(WorkflowProperties, ModelsThatDoNotFitAreFoundBeforeAnythingRuns) {
  EASEL_NEEDS_SHARED();
  const auto engine = start();
  struct Case {
    const char *workflow, *class_type, *input, *value, *said;
  };
  for (const Case& c :
       {Case{"IPAdapter_basic_SDXL_apply", "CLIPVisionLoader", "clip_name", "IPAdapter_image_encoder_sd15.safetensors",
             "ip-adapter_sdxl.bin"},
        Case{"IPAdapter_basic_SDXL_apply", "IPAdapterModelLoader", "ipadapter_file", "ip-adapter_sd15.bin",
             "ip-adapter_sd15.bin"},
        Case{"IPAdapter_canny_apply", "CheckpointLoaderSimple", "ckpt_name", "sd_xl_base_1.0.safetensors",
             "sd_xl_base_1.0"},
        Case{"conditioning_style", "CLIPVisionLoader", "clip_name", "clip_vision_g.safetensors", "coadapter-style"},
        Case{"conditioning_unclip", "unCLIPCheckpointLoader", "ckpt_name", "v1-5-pruned-emaonly.safetensors",
             "unCLIP"}}) {
    workflow::Prompt prompt = load(*engine, c.workflow);
    set(prompt, c.class_type, c.input, c.value);
    const auto checked = engine->check(prompt);
    EXPECT_FALSE(checked.flawless()) << c.workflow << " " << c.value;
    EXPECT_NE(checked.text().find(c.said), std::string::npos) << checked.text();
  }
}

}  // namespace
}  // namespace easel::engine
