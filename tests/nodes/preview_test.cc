// What those who watch a sampler see.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "artifacts/folder_store.h"
#include "library/folders.h"
#include "library/model_files.h"
#include "memory/resident.h"
#include "models/checkpoint/checkpoint.h"
#include "models/sd/latents.h"
#include "models/vae/vae.h"
#include "nodes/common/latent_preview.h"
#include "nodes/common/tiny_vae.h"
#include "support/tiny_models.h"

namespace easel::nodes {
namespace {

namespace fs = std::filesystem;

class Watched : public NodeEvents {
 public:
  void progress(int value, int, Preview preview) override {
    last = value;
    seen = std::move(preview);
  }
  bool wants_preview() override { return true; }
  void warn(const std::string& text) override { warnings.push_back(text); }
  int last = 0;
  Preview seen;
  std::vector<std::string> warnings;
};

class Previews : public ::testing::Test {
 protected:
  // A step of a sampler of SDXL's, with that method, on models in `folder`.
  void step(PreviewMethod method, const fs::path& folder, int times = 1) {
    const library::Folders folders(folder);
    Context context{folders, residency_, files_, store_, events_};
    context.preview = method;
    StepReporter report(context, models::sd::kSdxlLatents);
    for (int i = 0; i < times; ++i) report({.step = i, .total = 4, .sigma = 1.0f, .x = latent_, .denoised = latent_});
  }
  static Tensor latent() {
    Tensor out({2, 3, 5, 4});
    for (int64_t i = 0; i < out.numel(); ++i) out.f32()[i] = static_cast<float>(i * 7 % 13) / 4.0f - 1.5f;
    return out;
  }
  Tensor latent_ = latent();
  memory::Residency residency_;
  library::ModelFiles files_;
  artifacts::FolderStore store_{artifacts::Directories()};
  Watched events_;
};

TEST_F(Previews, MayBeDrawnByTheSmallVae) {
  step(PreviewMethod::kTiny, testing::tiny_models_dir());
  EXPECT_TRUE(events_.warnings.empty());
  ASSERT_EQ(events_.seen.width, 40);
  ASSERT_EQ(events_.seen.height, 24);
  // The decoder takes a latent in the model's scale, which is what the VAE multiplies its own by.
  const auto file = files_.open(testing::tiny_models_dir() / "vae_approx/taesdxl_decoder.safetensors");
  const models::VaeHandle vae = models::load_tiny_vae(nullptr, *file, true, residency_, DType::kF32);
  const Tensor picture =
      vae.vae->get()->decode(models::sd::kSdxlLatents.from_model(contiguous(latent_.slice(0, 0, 1))));
  for (size_t i = 0; i < events_.seen.rgb.size(); ++i)
    ASSERT_NEAR(events_.seen.rgb[i], picture.f32()[i] * 255.0f, 1.0f) << i;
}

TEST_F(Previews, WithoutItsFileAreOfTheLatentsColoursAndSaySoOnce) {
  const fs::path folder = fs::temp_directory_path() / ("easel-previews-" + std::to_string(getpid()));
  fs::create_directories(folder / "vae_approx");
  step(PreviewMethod::kTiny, folder, 3);
  EXPECT_EQ(events_.seen.width, 5);
  ASSERT_EQ(events_.warnings.size(), 1u);
  EXPECT_NE(events_.warnings[0].find("taesdxl_decoder"), std::string::npos) << events_.warnings[0];
  fs::remove_all(folder);
}

TEST_F(Previews, AreLeftOutWhenNoneAreWanted) {
  step(PreviewMethod::kNone, testing::tiny_models_dir());
  EXPECT_EQ(events_.last, 1);
  EXPECT_TRUE(events_.seen.rgb.empty());
  step(PreviewMethod::kLatentToRgb, testing::tiny_models_dir());
  EXPECT_EQ(events_.seen.width, 5);
}

TEST_F(Previews, TheSmallVaeIsOpenedByEitherOfItsFiles) {
  const library::Folders folders(testing::tiny_models_dir());
  const Context context{folders, residency_, files_, store_};
  const fs::path folder = testing::tiny_models_dir() / "vae_approx";
  const auto by_decoder = open_tiny_vae(context, folder / "taesd_decoder.safetensors");
  const auto by_encoder = open_tiny_vae(context, folder / "taesd_encoder.safetensors");
  EXPECT_EQ(by_decoder.vae, by_encoder.vae);
  EXPECT_EQ(by_decoder.latents, &models::sd::kSd1Latents);
  EXPECT_TRUE(by_decoder.vae->get()->config().encodes);
  EXPECT_EQ(open_tiny_vae(context, folder / "taesdxl_decoder.safetensors").latents, &models::sd::kSdxlLatents);
}

}  // namespace
}  // namespace easel::nodes
