#include "techniques/techniques.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "formats/pictures/picture.h"
#include "nodes/standard_table.h"
#include "support/tiny_models.h"

namespace easel::techniques {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCheckpoint = "v1-5-pruned-emaonly.safetensors";

class TechniquesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) / ("easel-techniques-" + std::to_string(::getpid()));
    fs::create_directories(folder_ / "checkpoints");
    fs::copy_file(testing::tiny_models_dir() / "checkpoints" / kCheckpoint, checkpoint());
    formats::save_png(folder_ / "a.png", Tensor::zeros({1, 64, 64, 3}));
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path checkpoint() const { return folder_ / "checkpoints" / kCheckpoint; }
  std::unique_ptr<engine::Engine> start() const {
    return std::make_unique<engine::Engine>(engine::EngineOptions{.table = nodes::standard_table(),
                                                                  .folders = library::Folders(folder_),
                                                                  .directories = {folder_, folder_, folder_}});
  }
  static Technique named(const std::vector<Technique>& all, const std::string& name) {
    return *std::find_if(all.begin(), all.end(), [&](const Technique& t) { return t.name == name; });
  }
  // Whoever opens the file from now on sees that it is damaged; its size and time are as before.
  void damage() const {
    const auto time = fs::last_write_time(checkpoint());
    std::fstream(checkpoint(), std::ios::in | std::ios::out | std::ios::binary)
        .write("\xff\xff\xff\xff\xff\xff\xff\x7f", 8);
    fs::last_write_time(checkpoint(), time);
  }

  fs::path folder_;
};

TEST_F(TechniquesTest, SayWhatTheyLack) {
  const auto all = available(*start());
  EXPECT_EQ(named(all, "img2img").missing, "");
  EXPECT_NE(named(all, "img2img_sdxl").missing.find("a checkpoint of SDXL"), std::string::npos);
  EXPECT_NE(named(all, "unclip").missing.find("unCLIP"), std::string::npos);
  EXPECT_THROW(shipped_workflow("no such"), Error);
}

// Files that came with the program stand in where the model folder lacks one, all of them together, at their own size.
TEST_F(TechniquesTest, TakeWhatIsBuiltInWhereAFileIsLacking) {
  const fs::path small = folder_ / "built_in";
  for (const char* file :
       {"checkpoints/v1-5-pruned-emaonly.safetensors", "ipadapter/ip-adapter_sd15.bin",
        "clip_vision/IPAdapter_image_encoder_sd15.safetensors", "vae/vae-ft-mse-840000-ema-pruned.safetensors"}) {
    fs::create_directories((small / file).parent_path());
    fs::copy_file(testing::tiny_models_dir() / file, small / file);
  }
  fs::rename(small / "checkpoints" / kCheckpoint, small / "checkpoints/small.safetensors");
  library::Folders folders(folder_);
  folders.add_built_in(small);
  engine::Engine engine(
      {.table = nodes::standard_table(), .folders = folders, .directories = {folder_, folder_, folder_}});
  const auto all = available(engine);
  const Technique own = named(all, "img2img"), lent = named(all, "ip_adapter_variations");
  EXPECT_EQ(own.missing, "");
  EXPECT_FALSE(own.built_in);
  EXPECT_EQ(own.prompt.find("1")->inputs["ckpt_name"], kCheckpoint);
  EXPECT_EQ(own.prompt.find("2"), nullptr) << "the built-in VAE is not for other models";
  EXPECT_EQ(own.prompt.find("4")->inputs["width"], 512);
  ASSERT_EQ(lent.missing, "");
  EXPECT_TRUE(lent.built_in);
  EXPECT_EQ(lent.prompt.find("1")->inputs["ckpt_name"], "small.safetensors");
  EXPECT_EQ(lent.prompt.find("4")->inputs["ipadapter_file"], "ip-adapter_sd15.bin");
  EXPECT_EQ(lent.prompt.find("9")->inputs["width"], 128);
  EXPECT_EQ(lent.prompt.find("9")->inputs["height"], 128);
  EXPECT_EQ(lent.prompt.find("8")->inputs["text"], "");
  EXPECT_TRUE(to_json(lent)["built_in"].get<bool>());
  EXPECT_NE(named(all, "unclip").missing, "");
  // A model folder that has all of one comes before.
  EXPECT_FALSE(first_available(engine, {"ip_adapter_variations", "img2img"}, 1).built_in);
  EXPECT_TRUE(first_available(engine, {"ip_adapter_variations"}, std::nullopt).built_in);
  EXPECT_THROW(first_available(engine, {"unclip"}, 1), Error);
}

// Where the words go is what the nodes declare.
TEST_F(TechniquesTest, SayWhereTheirWordsGo) {
  const auto all = available(*start());
  for (const Technique& t : all)
    for (const auto* slots : {&t.prompts, &t.negatives})
      for (const WordsSlot& slot : *slots)
        EXPECT_TRUE(t.prompt.find(slot.node)->inputs.at(slot.input).is_string()) << t.name << " " << slot.node;
  const workflow::Json shown = to_json(named(all, "img2img"));
  EXPECT_EQ(shown["prompts"], workflow::parse_json(R"([{"node": "6", "input": "text"}])"));
  EXPECT_EQ(shown["negatives"], workflow::parse_json(R"([{"node": "7", "input": "text"}])"));
  EXPECT_EQ(named(all, "img2img_sdxl").prompts.size(), 2u);  // text_g and text_l
}

// Choosing the files, checking the workflow, and asking once more open each file once.
TEST_F(TechniquesTest, FilesAreOpenedOnce) {
  const auto engine = start();
  Technique technique = named(available(*engine), "img2img");
  damage();
  EXPECT_NE(named(available(*start()), "img2img").missing, "");  // who knows nothing has to open it
  EXPECT_EQ(named(available(*engine), "img2img").missing, "");
  technique.prompt.find(technique.pictures.at(0).node)->inputs["image"] = "a.png";
  const engine::Plan plan = engine->check(technique.prompt);
  EXPECT_TRUE(plan.flawless()) << plan.text();
}

}  // namespace
}  // namespace easel::techniques
