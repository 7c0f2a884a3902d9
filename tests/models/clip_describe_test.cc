#include "models/clip_describe.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "models/style_model.h"
#include "models_support.h"
#include "numbers_support.h"
#include "support/shared.h"

namespace easel::models {
namespace {

ClipFacts facts_of(const std::string& file) {
  return clip_facts(*formats::open_model_file(tiny_models_dir() / file).tensors, file);
}

TEST(ClipFacts, TellEveryPublishedFile) {
  EXPECT_EQ(describe_clip_file(facts_of("clip_vision/IP-Adapter_sd15_pytorch_model.bin")),
            "CLIP vision ViT-H/14: hidden states 96, image embeds 80");
  EXPECT_EQ(describe_clip_file(facts_of("clip_vision/clip_vision_g.safetensors")),
            "CLIP vision ViT-bigG/14: hidden states 128, image embeds 256");
  EXPECT_EQ(describe_clip_file(facts_of("style_models/coadapter-style-sd15v1.pth")),
            "style model: takes hidden states of width 64, gives 8 tokens of width 128");
  EXPECT_EQ(
      describe_clip_file(facts_of("ipadapter/ip-adapter_sd15.bin")),
      "IP-Adapter, plain: takes image embeds of width 80, gives 4 tokens of width 128 to 16 cross-attentions (SD 1.x)");
  EXPECT_EQ(
      describe_clip_file(facts_of("ipadapter/ip-adapter-plus_sdxl_vit-h.safetensors")),
      "IP-Adapter, plus: takes hidden states of width 96, gives 16 tokens of width 384 to 70 cross-attentions (SDXL)");
  // A full CLIP file has both towers, an SDXL checkpoint two text towers, an unCLIP checkpoint a vision tower.
  const ClipFacts full = facts_of("clip_vision/style_pytorch_model.bin");
  ASSERT_TRUE(full.vision);
  EXPECT_EQ(full.text.size(), 1u);
  const ClipFacts sdxl = facts_of("checkpoints/sd_xl_base_1.0.safetensors");
  ASSERT_EQ(sdxl.text.size(), 2u);
  EXPECT_EQ(sdxl.text[0].kind, TextTowerKind::kL);
  EXPECT_EQ(sdxl.text[1].kind, TextTowerKind::kG);
  EXPECT_EQ(sdxl.text[1].layers, 32);
  const ClipFacts unclip = facts_of("checkpoints/sd21-unclip-l.ckpt");
  ASSERT_TRUE(unclip.vision);
  EXPECT_STREQ(unclip.vision->name(), "ViT-L/14");
  EXPECT_TRUE(facts_of("vae/sdxl_vae.safetensors").empty());
}

TEST(ClipFacts, FindTheVisionTowerOfAnOpenClipFile) {
  const auto file = formats::open_model_file(tiny_models_dir() / "checkpoints/sd21-unclip-h.ckpt");
  const std::string prefix = "embedder.model.";
  TensorMap alone;
  for (const auto& [name, tensor] : *file.tensors)
    if (name.starts_with(prefix)) alone.set(name.substr(prefix.size()), tensor);
  Residency residency;
  EXPECT_EQ(find_clip_vision(residency, alone, DType::kF32, "x").projection_dim, 80);
  const Tensor pixels = sines({1, 224, 224, 3}, 0);
  const auto embeds = [&](const TensorMap& map) {
    return find_clip_vision(residency, map, DType::kF32, "x").model->get()->encode(pixels).image_embeds;
  };
  EXPECT_EQ(testing::max_difference(embeds(alone), embeds(*file.tensors)), 0.0);
}

// Every tensor of a file in turn missing, or with another shape: the loader or the model says so, and nothing worse
// happens.
template <class Use>
void expect_damage_is_found(const TensorMap& good, const std::vector<std::string>& alike, const Use& use) {
  use(good);
  for (const auto& [name, tensor] : good) {
    // One layer stands for all that are like it.
    if (std::any_of(alike.begin(), alike.end(), [&](const auto& part) { return name.find(part) != std::string::npos; }))
      continue;
    for (const Shape& shape :
         {Shape{}, Shape{0}, Shape{3}, Shape{0, 64}, Shape{5, 3}, Shape{1, 1, 1}, Shape{2, 3, 5, 7, 1}}) {
      if (shape == tensor.shape()) continue;
      TensorMap bad = good;
      bad.set(name, Tensor::zeros(shape));
      try {
        use(bad);
        ADD_FAILURE() << name << " " << shape.str() << " was taken";
      } catch (const Error& e) {
        EXPECT_NE(e.fault(), Fault::kInternal) << name << " " << shape.str() << ": " << e.what();
      }
    }
    TensorMap lacking;
    for (const auto& [other, kept] : good)
      if (other != name) lacking.set(other, kept);
    EXPECT_THROW(use(lacking), Error) << name;
  }
}

TEST(Damage, InAStyleModelIsFound) {
  const auto file = formats::open_model_file(tiny_models_dir() / "style_models/coadapter-style-sd15v1.pth");
  const Tensor hidden = sines({1, 5, 64}, 0);
  expect_damage_is_found(*file.tensors, {"layes.1", "layes.2"}, [&](const TensorMap& map) {
    Residency residency;
    load_style_model(residency, map, DType::kF32, "x").model->get()->encode(hidden);
  });
}

TEST(Damage, InAnAdapterIsFound) {
  const auto file = formats::open_model_file(tiny_models_dir() / "ipadapter/ip-adapter-plus_sd15.safetensors");
  const Tensor hidden = sines({1, 5, 96}, 0);
  expect_damage_is_found(
      *file.tensors,
      {"layers.1", "layers.2", "layers.3", "ip_adapter.1", "ip_adapter.2", "ip_adapter.31", "5.to", "7.to", "9.to"},
      [&](const TensorMap& map) {
        Residency residency;
        const auto adapter = load_ip_adapter(residency, std::make_shared<const TensorMap>(map), DType::kF32, "x");
        adapter.model->get()->tokens(hidden);
      });
}

}  // namespace
}  // namespace easel::models
