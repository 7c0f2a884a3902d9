// The models that come with the program: when they are used, and that nothing else is replaced by them.
#include <gtest/gtest.h>

#include "cli/command.h"
#include "formats/pictures/picture.h"
#include "formats/tensors/safetensors.h"
#include "support/tiny_models.h"
#include "workflow/json.h"

namespace easel::cli {
namespace {

namespace fs = std::filesystem;
using testing::Workplace;

// A place without a model folder, and a program that came with a checkpoint.
class BuiltIn : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(place_.folder() / "models");
    put("checkpoints", "v1-5-pruned-emaonly.safetensors", "small.safetensors");
    formats::save_png(place_.folder() / "a.png", Tensor::full({1, 96, 144, 3}, 0.5f));
    formats::save_png(place_.folder() / "input/lighthouse.png", Tensor::full({1, 96, 144, 3}, 0.5f));
  }
  void put(const std::string& kind, const std::string& from, const std::string& name) const {
    const fs::path folder = place_.folder() / "built_in" / kind;
    fs::create_directories(folder);
    fs::copy_file(easel::testing::tiny_models_dir() / kind / from, folder / name);
  }
  // The size of the one picture that was saved.
  std::pair<int64_t, int64_t> saved(const Workplace::Result& result) const {
    EXPECT_EQ(result.code, 0) << result.err;
    const auto info =
        formats::inspect_picture_file((place_.folder() / result.out.substr(0, result.out.find('\n'))).string());
    return {info.width, info.height};
  }
  static size_t lines_with(const std::string& text, const std::string& words) {
    size_t count = 0;
    for (size_t at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) ++count;
    return count;
  }

  Workplace place_{"built-in"};
};

TEST_F(BuiltIn, DrawWhereThereIsNoModelFolder) {
  const auto drawn = place_.run({"img2img", "a.png", "-p", "a house", "--steps", "1"});
  EXPECT_EQ(saved(drawn), std::pair(int64_t{128}, int64_t{128}));
  EXPECT_EQ(lines_with(drawn.err, "note:"), 1u) << drawn.err;
  EXPECT_NE(drawn.err.find("no model folder 'models'"), std::string::npos) << drawn.err;
  EXPECT_NE(drawn.err.find("128x128"), std::string::npos) << drawn.err;
  // What is asked for is given.
  EXPECT_EQ(saved(place_.run({"img2img", "a.png", "-p", "a house", "--steps", "1", "--size", "192x64"})),
            std::pair(int64_t{192}, int64_t{64}));
  // A technique that even they do not allow is refused as ever.
  const auto style = place_.run({"style", "a.png", "-p", "a house"});
  EXPECT_EQ(style.code, 4);
  EXPECT_NE(style.err.find("style"), std::string::npos) << style.err;
}

TEST_F(BuiltIn, DrawWhereTheModelFolderLacksOne) {
  fs::create_directories(place_.folder() / "models/checkpoints");
  const auto drawn = place_.run({"img2img", "a.png", "-p", "a house", "--steps", "1"});
  EXPECT_EQ(saved(drawn), std::pair(int64_t{128}, int64_t{128}));
  EXPECT_NE(drawn.err.find("model folder 'models' lacks"), std::string::npos) << drawn.err;
  fs::copy_file(place_.folder() / "built_in/checkpoints/small.safetensors",
                place_.folder() / "models/checkpoints/own.safetensors");
  const auto own = place_.run({"img2img", "a.png", "-p", "a house", "--steps", "1", "--size", "64x64"});
  EXPECT_EQ(lines_with(own.err, "note:"), 0u) << own.err;
}

TEST_F(BuiltIn, AreEnlargedByTheirUpscaler) {
  // A compact one whose last convolution gives 2 x 2 pixels of three values.
  TensorMap x2;
  x2.set("body.0.weight", Tensor::zeros({4, 3, 3, 3}));
  x2.set("body.0.bias", Tensor::zeros({4}));
  x2.set("body.1.weight", Tensor::zeros({4}));
  x2.set("body.2.weight", Tensor::zeros({12, 4, 3, 3}));
  x2.set("body.2.bias", Tensor::zeros({12}));
  fs::create_directories(place_.folder() / "built_in/upscale_models");
  formats::write_safetensors(place_.folder() / "built_in/upscale_models/x2.safetensors", x2);
  EXPECT_EQ(saved(place_.run({"img2img", "a.png", "-p", "a house", "--steps", "1"})),
            std::pair(int64_t{256}, int64_t{256}));
}

TEST_F(BuiltIn, ReplaceNothingThatAWorkflowNames) {
  const std::string flow = R"({"1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "%"}},
    "2": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
    "3": {"class_type": "VAEDecode", "inputs": {"samples": ["2", 0], "vae": ["1", 2]}},
    "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "x"}}})";
  const auto named = [&](const std::string& name) {
    std::string out = flow;
    return out.replace(out.find('%'), 1, name);
  };
  place_.put("absent.json", named("v1-5-pruned-emaonly.safetensors"));
  const auto absent = place_.run({"run", "absent.json"});
  EXPECT_NE(absent.code, 0);
  EXPECT_NE(absent.err.find("v1-5-pruned-emaonly.safetensors"), std::string::npos) << absent.err;
  place_.put("there.json", named("small.safetensors"));
  EXPECT_EQ(saved(place_.run({"run", "there.json"})), std::pair(int64_t{64}, int64_t{64}));
  // A technique's name asks for whichever model fits.
  EXPECT_EQ(saved(place_.run({"run", "img2img", "--set", "8.steps=1"})), std::pair(int64_t{128}, int64_t{128}));
  const auto sweep = place_.run({"sweep", "img2img", "--set", "8.steps=1", "--set", "8.denoise=0.5,1"});
  EXPECT_EQ(sweep.code, 0) << sweep.err;
  const auto neither = place_.run({"run", "img2imgs"});
  EXPECT_NE(neither.code, 0);
  EXPECT_NE(neither.err.find("img2imgs"), std::string::npos) << neither.err;
}

TEST_F(BuiltIn, AreListedFirst) {
  const auto alone = place_.run({"models"});
  EXPECT_EQ(alone.code, 0) << alone.err;
  EXPECT_EQ(alone.out.find("checkpoints/small.safetensors (built in)\n"), 0u) << alone.out;
  EXPECT_NE(place_.run({"models", "elsewhere"}).code, 0);
  fs::create_directories(place_.folder() / "models/checkpoints");
  fs::copy_file(place_.folder() / "built_in/checkpoints/small.safetensors",
                place_.folder() / "models/checkpoints/own.safetensors");
  const auto both = place_.run({"models", "--json"});
  const auto rows = workflow::parse_json(both.out);
  ASSERT_EQ(rows.size(), 2u) << both.out;
  EXPECT_EQ(rows[0]["name"], "small.safetensors");
  EXPECT_EQ(rows[0]["built_in"], true);
  EXPECT_EQ(rows[1]["name"], "own.safetensors");
  EXPECT_EQ(rows[1]["built_in"], false);
  fs::remove_all(place_.folder() / "models");
  const auto doctor = place_.run({"doctor"});
  EXPECT_EQ(doctor.code, 0) << doctor.out;
  EXPECT_NE(doctor.out.find("only Easel's own small models"), std::string::npos) << doctor.out;
}

TEST_F(BuiltIn, ShowTheTechniquesTheyCanDo) {
  const auto demo = place_.run({"demo", "shown", "--sheet", "sheet.png"});
  ASSERT_EQ(demo.code, 0) << demo.err;
  const auto sheet = formats::inspect_picture_file((place_.folder() / "sheet.png").string());
  EXPECT_GT(sheet.width, 6 * 192);
  EXPECT_GT(sheet.height, 3 * 192) << "img2img has three rows";
  EXPECT_LT(sheet.height, 4 * 192 + 150) << "what lacks its files is left out";
}

}  // namespace
}  // namespace easel::cli
