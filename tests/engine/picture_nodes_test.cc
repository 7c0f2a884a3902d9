// The nodes around pictures: files in and out, sizes, and what is done to texts on the way.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/atomic_file.h"
#include "engine/engine.h"
#include "formats/pictures/picture.h"
#include "formats/tensors/safetensors.h"
#include "nodes/common/trace.h"
#include "nodes/standard_table.h"
#include "toy_nodes.h"

namespace easel::engine {
namespace {

namespace fs = std::filesystem;
using toys::Recorder;
using workflow::Json;

Json json(const char* text) { return workflow::parse_json(text); }

// A folder of its own, and the real nodes.
class FilesTest : public ::testing::Test {
 protected:
  FilesTest() : root_(fs::temp_directory_path() / ("easel-engine-" + std::to_string(getpid()))) {
    fs::remove_all(root_);
    fs::create_directories(root_ / "input");
    formats::save_png(root_ / "input" / "a.png", Tensor::full({1, 8, 16, 3}, 0.25f));
    EngineOptions options{.table = nodes::standard_table()};
    options.directories = {root_ / "input", root_ / "output", root_ / "temp"};
    engine_ = std::make_unique<Engine>(std::move(options));
  }
  ~FilesTest() override { fs::remove_all(root_); }
  RunReport run(const Json& prompt) {
    sink_ = Recorder();
    const auto checked = engine_->check(workflow::parse_prompt(prompt));
    if (!checked.flawless()) checked.raise();
    return engine_->run(checked, {.picture_text = {{"workflow", "{}"}}}, sink_);
  }
  static Json save_inverted() {
    return json(R"({"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
                    "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
                    "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "sub/inv"}}})");
  }
  fs::path root_;
  std::unique_ptr<Engine> engine_;
  Recorder sink_;
};

// Keeps what is saved in memory, as a store elsewhere would; what is asked for it fetches into a folder.
class MemoryStore final : public artifacts::ArtifactStore {
 public:
  explicit MemoryStore(fs::path fetched) : fetched_(std::move(fetched)) {}
  artifacts::Name put(const artifacts::Name& name, std::string_view content, artifacts::IfTaken) override {
    kept[key(name)] = content;
    return name;
  }
  artifacts::Name put_numbered(artifacts::Area area, const std::string& prefix, const std::string& extension,
                               std::string_view content) override {
    return put({area, "", prefix + std::to_string(kept.size()) + "." + extension}, content, {});
  }
  fs::path get(const artifacts::Name& name) const override { return find(name, NameFrom::kClient).value(); }
  std::optional<fs::path> find(const artifacts::Name& name, NameFrom) const override {
    const auto it = kept.find(key(name));
    if (it == kept.end()) return std::nullopt;
    const fs::path file = fetched_ / it->first;
    if (!fs::exists(file)) write_file(file, it->second);  // one that stays is the same version
    return file;
  }
  void remove(const artifacts::Name& name) override { kept.erase(key(name)); }
  std::vector<std::string> list(artifacts::Area) const override { return {}; }
  uint64_t bytes_used(artifacts::Area) const override {
    uint64_t sum = 0;
    for (const auto& [name, content] : kept) sum += content.size();
    return sum;
  }
  void clear_temp(double) override {}

  std::map<std::string, std::string> kept;  // by area and file

 private:
  static std::string key(const artifacts::Name& name) {
    return std::string(artifacts::area_name(name.area)) + " " + name.file;
  }
  const fs::path fetched_;
};

// Nodes load and save through the store that the engine is given, and touch no folder by themselves.
TEST_F(FilesTest, PicturesGoThroughTheArtifactStore) {
  MemoryStore store(root_);
  store.put({artifacts::Area::kInput, "", "a.png"}, read_file(root_ / "input" / "a.png"), {});
  EngineOptions options{.table = nodes::standard_table(), .artifacts = &store};
  options.directories = {root_ / "none", root_ / "none", root_ / "none"};
  engine_ = std::make_unique<Engine>(std::move(options));
  Json prompt = save_inverted();
  prompt["3"]["inputs"]["filename_prefix"] = "inv";
  prompt["4"] = {{"class_type", "PreviewImage"}, {"inputs", {{"images", {"2", 0}}}}};
  run(prompt);
  ASSERT_EQ(sink_.shown.size(), 2u);
  EXPECT_EQ(sink_.shown[0].type, "output");
  EXPECT_EQ(sink_.shown[1].type, "temp");
  ASSERT_TRUE(store.kept.count("output " + sink_.shown[0].filename));
  EXPECT_TRUE(store.kept.count("temp " + sink_.shown[1].filename));
  EXPECT_FALSE(fs::exists(root_ / "none"));
  // The result is used again as long as the store has its file.
  run(prompt);
  EXPECT_EQ(store.kept.size(), 3u);
  store.remove({artifacts::Area::kOutput, "", sink_.shown[0].filename});
  run(prompt);
  EXPECT_EQ(store.kept.size(), 3u);
  EXPECT_TRUE(store.kept.count("output " + sink_.shown[0].filename));
  // What is not there is found out by asking the store.
  prompt["1"]["inputs"]["image"] = "gone.png";
  EXPECT_FALSE(engine_->check(workflow::parse_prompt(prompt)).flawless());
}

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
  bool take_picture(const PictureFinished& p) override {
    from.push_back(p.node);
    taken.push_back(p);
    return reachable;
  }
  void take(const RunEvent& event) override {
    if (const auto* e = std::get_if<NodeFinished>(&event))
      for (const auto& [list, files] : e->ui) shown.insert(shown.end(), files.begin(), files.end());
  }
  bool reachable = true;
  std::vector<std::string> from;
  std::vector<PictureFinished> taken;
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
    client.reachable = take;
    engine_->run(checked, {}, client);
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
  engine_->run(checked, {.watch = nodes::trace_into(trace)}, quiet);
  const auto values = [&](const char* key) {
    const auto all = trace.find(key)->values();
    return std::vector<float>(all.begin(), all.end());
  };
  EXPECT_EQ(values("1.0.IMAGE"), (std::vector<float>{1, 0, 0, 0, 0, 1}));
  EXPECT_NEAR(values("1.1.MASK")[0], 127 / 255.0, 1e-6);
  EXPECT_EQ(values("1.1.MASK")[1], 0);
  EXPECT_EQ(values("2.0.MASK"), (std::vector<float>{1, 0}));
  // No base64, cut within it, nothing, and cut within the picture's header: a later cut is read as far as it goes.
  for (const std::string& bad : {std::string("%"), text.substr(0, 41), std::string(), text.substr(0, 20)}) {
    prompt["1"]["inputs"]["image"] = bad;
    const Plan refused = engine_->check(workflow::parse_prompt(prompt));
    ASSERT_EQ(refused.faulty.size(), 1u) << bad;
    EXPECT_EQ(refused.faulty[0].id, "1");
    EXPECT_EQ(refused.faulty[0].faults.at(0).input, "image");
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
  Engine engine({.table = nodes::standard_table(),
                 .folders = library::Folders(root_ / "models"),
                 .directories = {root_ / "input", root_, root_}});
  auto prompt = json(R"({"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
      "2": {"class_type": "UpscaleModelLoader", "inputs": {"model_name": "twice.safetensors"}},
      "3": {"class_type": "ImageUpscaleWithModel", "inputs": {"upscale_model": ["2", 0], "image": ["1", 0]}},
      "4": {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}}})");
  const auto checked = engine.check(workflow::parse_prompt(prompt));
  ASSERT_TRUE(checked.flawless());
  TensorMap trace;
  EventSink quiet;
  engine.run(checked, {.watch = nodes::trace_into(trace)}, quiet);
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

class ImageFit : public FilesTest {
 protected:
  // The outputs of one node, given two pictures of which all values are 0.25 and 0.75.
  TensorMap outputs(const Json& node, int w1, int h1, int w2, int h2) {
    formats::save_png(root_ / "input" / "one.png", Tensor::full({1, h1, w1, 3}, 64 / 255.0f));
    formats::save_png(root_ / "input" / "two.png", Tensor::full({1, h2, w2, 3}, 191 / 255.0f));
    Json prompt = json(R"({"1": {"class_type": "LoadImage", "inputs": {"image": "one.png"}},
                           "2": {"class_type": "LoadImage", "inputs": {"image": "two.png"}},
                           "p": {"class_type": "PreviewImage", "inputs": {"images": ["x", 0]}}})");
    prompt["x"] = node;
    const auto checked = engine_->check(workflow::parse_prompt(prompt));
    if (!checked.flawless()) checked.raise();
    TensorMap trace;
    EventSink quiet;
    engine_->run(checked, {.watch = nodes::trace_into(trace)}, quiet);
    return trace;
  }
  static float at(const Tensor& t, int64_t y, int64_t x, int64_t c = 0) {
    return t.f32()[(y * t.dim(2) + x) * t.dim(3) + c];
  }
};

TEST_F(ImageFit, ResizesAndPads) {
  const auto out = outputs(json(R"({"class_type": "ResizeAndPadImage", "inputs": {"image": ["1", 0], "target_width": 32,
      "target_height": 31, "padding_color": "white", "interpolation": "bilinear"}})"),
                           16, 8, 8, 8);
  const Tensor& t = *out.find("x.0.IMAGE");
  ASSERT_EQ(t.shape(), (Shape{1, 31, 32, 3}));  // 32 x 16, with 7 rows above and 8 below
  EXPECT_EQ(at(t, 6, 5), 1);
  EXPECT_NEAR(at(t, 7, 0), 64 / 255.0, 1e-6);
  EXPECT_NEAR(at(t, 22, 31), 64 / 255.0, 1e-6);
  EXPECT_EQ(at(t, 23, 31), 1);
}

TEST_F(ImageFit, ScalesTheLongerSide) {
  const Json node = json(R"({"class_type": "ImageScaleToMaxDimension", "inputs": {"image": ["1", 0],
      "upscale_method": "area", "largest_size": 21}})");
  EXPECT_EQ(outputs(node, 16, 8, 8, 8).find("x.0.IMAGE")->shape(), (Shape{1, 10, 21, 3}));  // 10.5 is even at 10
  EXPECT_EQ(outputs(node, 9, 9, 8, 8).find("x.0.IMAGE")->shape(), (Shape{1, 21, 21, 3}));
  EXPECT_EQ(outputs(node, 4, 12, 8, 8).find("x.0.IMAGE")->shape(), (Shape{1, 21, 7, 3}));
}

TEST_F(ImageFit, StitchesInEveryDirection) {
  const auto stitched = [&](const char* direction, bool match, int spacing, const char* colour) {
    const Json node = {{"class_type", "ImageStitch"},
                       {"inputs",
                        {{"image1", {"1", 0}},
                         {"image2", {"2", 0}},
                         {"direction", direction},
                         {"match_image_size", match},
                         {"spacing_width", spacing},
                         {"spacing_color", colour}}}};
    return *outputs(node, 10, 8, 6, 4).find("x.0.IMAGE");
  };
  Tensor t = stitched("right", true, 0, "white");
  ASSERT_EQ(t.shape(), (Shape{1, 8, 22, 3}));  // the second is 12 x 8 now
  EXPECT_NEAR(at(t, 0, 9), 64 / 255.0, 1e-6);
  EXPECT_NEAR(at(t, 7, 10), 191 / 255.0, 1e-6);
  t = stitched("up", true, 3, "green");  // 10 x 6 above, four rows of green
  ASSERT_EQ(t.shape(), (Shape{1, 6 + 4 + 8, 10, 3}));
  EXPECT_NEAR(at(t, 5, 0), 191 / 255.0, 1e-6);
  EXPECT_EQ(at(t, 6, 3, 0), 0);
  EXPECT_EQ(at(t, 9, 3, 1), 1);
  EXPECT_NEAR(at(t, 10, 0), 64 / 255.0, 1e-6);
  t = stitched("left", false, 2, "white");
  ASSERT_EQ(t.shape(), (Shape{1, 8, 6 + 2 + 10, 3}));
  EXPECT_EQ(at(t, 1, 0), 1);  // two rows above and below the smaller one
  EXPECT_NEAR(at(t, 2, 0), 191 / 255.0, 1e-6);
  EXPECT_NEAR(at(t, 0, 8), 64 / 255.0, 1e-6);
}

TEST_F(ImageFit, LatentsAreCutAndPutTogether) {
  const auto shape = [&](const Json& x) {
    const Json prompt = {
        {"a", {{"class_type", "EmptyLatentImage"}, {"inputs", {{"width", 64}, {"height", 32}, {"batch_size", 2}}}}},
        {"b", {{"class_type", "EmptyLatentImage"}, {"inputs", {{"width", 64}, {"height", 32}, {"batch_size", 1}}}}},
        {"x", x},
        {"s", {{"class_type", "SaveLatent"}, {"inputs", {{"samples", {"x", 0}}, {"filename_prefix", "l"}}}}}};
    const auto checked = engine_->check(workflow::parse_prompt(prompt));
    if (!checked.flawless()) checked.raise();
    TensorMap trace;
    EventSink quiet;
    engine_->run(checked, {.watch = nodes::trace_into(trace)}, quiet);
    return trace.find("x.0.LATENT.samples")->shape();  // [N,C,h,w], as the reference traces it
  };
  const auto concat = [&](const char* dim) {
    return shape(
        {{"class_type", "LatentConcat"}, {"inputs", {{"samples1", {"a", 0}}, {"samples2", {"b", 0}}, {"dim", dim}}}});
  };
  EXPECT_EQ(concat("x"), (Shape{2, 4, 4, 16}));
  EXPECT_EQ(concat("-y"), (Shape{2, 4, 8, 8}));
  EXPECT_EQ(concat("t"), (Shape{2, 8, 4, 8}));
  const auto cut = [&](const char* dim, int index, int amount) {
    return shape({{"class_type", "LatentCut"},
                  {"inputs", {{"samples", {"a", 0}}, {"dim", dim}, {"index", index}, {"amount", amount}}}});
  };
  EXPECT_EQ(cut("x", 3, 2), (Shape{2, 4, 4, 2}));
  EXPECT_EQ(cut("x", 100, 2), (Shape{2, 4, 4, 1}));
  EXPECT_EQ(cut("y", -3, 100), (Shape{2, 4, 3, 8}));
  EXPECT_EQ(cut("t", 1, 2), (Shape{2, 2, 4, 8}));
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
    EXPECT_NE(std::string(e.what()).find("node 1 (LoadImage)"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("bad.png"), std::string::npos) << e.what();
  }
  EXPECT_FALSE(fs::exists(root_ / "output"));
}

}  // namespace
}  // namespace easel::engine
