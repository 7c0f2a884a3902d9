#include "synth/models/synth.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/parallel.h"
#include "base/sha256.h"
#include "formats/tensors/model_file.h"
#include "support/shared.h"
#include "support/tiny_models.h"
#include "synth/models/values.h"

namespace easel::synth {
namespace {

using Json = nlohmann::ordered_json;

Json load_json(const std::filesystem::path& path) {
  std::ifstream in(path);
  return Json::parse(in);
}

// The manifest in the reference data that describes a file of the table.
std::string manifest_name(const std::string& path) {
  const std::string file = path.substr(path.rfind('/') + 1);
  static const std::map<std::string, std::string> special = {
      {"v1-5-pruned-emaonly.safetensors", "sd15.safetensors"},
      {"dreamshaper_8.safetensors", "sd15.safetensors"},
      {"sd_xl_base_1.0.safetensors", "sdxl_base.safetensors"},
      {"sd_xl_refiner_1.0.safetensors", "sdxl_refiner.safetensors"},
      {"vae-ft-mse-840000-ema-pruned.safetensors", "vae_sd15.safetensors"},
      {"sdxl_vae.safetensors", "vae_sdxl.safetensors"},
      {"style_pytorch_model.bin", "clip_vision_l.bin"},
      {"IP-Adapter_sd15_pytorch_model.bin", "clip_vision_h.safetensors"},
      {"IPAdapter_image_encoder_sd15.safetensors", "clip_vision_h.safetensors"},
      {"IP-Adapter_sdxl_pytorch_model.bin", "clip_vision_g.safetensors"},
      {"ip-adapter-plus_sd15.bin", "ip-adapter-plus_sd15.safetensors"},
      {"control_v11p_sd15_canny_fp16.safetensors", "control_v11p_sd15_canny.safetensors"}};
  const auto it = special.find(file);
  return (it == special.end() ? file : it->second) + ".json";
}

TEST(Synth, NamesShapesAndOrderAreThePublishedOnes) {
  EASEL_NEEDS_SHARED();
  for (const auto size : {SynthSize::kTiny, SynthSize::kFull}) {
    const auto folder = testing::shared_dir() / "manifests" / (size == SynthSize::kTiny ? "tiny" : "full");
    for (const SynthFile& file : synthetic_files(size)) {
      const Json expected = load_json(folder / manifest_name(file.path));
      ASSERT_EQ(file.tensors.size(), expected.size()) << file.path;
      auto item = expected.begin();
      for (const auto& [name, shape] : file.tensors) {
        ASSERT_EQ(name, item.key()) << file.path;
        ASSERT_EQ(std::vector<int64_t>(shape.begin(), shape.end()), item.value().get<std::vector<int64_t>>()) << name;
        ++item;
      }
    }
  }
}

TEST(Synth, ValuesAreTheReferences) {
  EASEL_NEEDS_SHARED();
  const Json expected = load_json(testing::shared_dir() / "manifests" / "sha256.json");
  const std::vector<SynthFile> files = synthetic_files(SynthSize::kTiny);
  ASSERT_EQ(files.size(), expected.size());
  std::vector<std::string> digests(files.size());
  parallel_for(static_cast<int64_t>(files.size()), 1, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) digests[i] = data_digest(files[i], 0);
  });
  for (size_t i = 0; i < files.size(); ++i)
    EXPECT_EQ(digests[i], expected.at(files[i].path).get<std::string>()) << files[i].path;
}

// The digests of three of them, so that a change of the generator shows everywhere.
TEST(Synth, SmallFilesHaveTheirDigests) {
  const std::map<std::string, std::string> expected = {
      {"style_models/coadapter-style-sd15v1.pth", "e1daf14a0384f5c7cc1e24ae8efb75cc2957eb2f9a8d05bcc6a9b9f115df5c76"},
      {"ipadapter/ip-adapter_sd15.bin", "a29ecf95cd39390635d50863aadff8f8b06d29f58ea521184d09b81dafe9001e"},
      {"controlnet/control_v11p_sd15_canny_fp16.safetensors",
       "e48422c1a26dc95064179f8e45d2fbe12c2e39e3b5ec22946b56347400beb937"}};
  size_t seen = 0;
  for (const SynthFile& file : synthetic_files(SynthSize::kTiny)) {
    const auto it = expected.find(file.path);
    if (it == expected.end()) continue;
    EXPECT_EQ(data_digest(file, 0), it->second);
    EXPECT_NE(data_digest(file, 1), it->second);
    ++seen;
  }
  EXPECT_EQ(seen, expected.size());
}

TEST(Synth, RulesOfTheValues) {
  const auto rule = [](const char* name, const Shape& shape) {
    const ValueRule r = value_rule(name, shape);
    return std::pair(r.offset, r.factor);
  };
  using R = std::pair<float, float>;
  EXPECT_EQ(rule("logit_scale", {}), (R{4.6052f, 0.0f}));
  EXPECT_EQ(rule("noise_augmentor.data_std", {1, 8}), (R{1.0f, 0.1f}));
  EXPECT_EQ(rule("noise_augmentor.data_mean", {1, 8}), (R{0.0f, 0.05f}));
  EXPECT_EQ(rule("image_proj.latents", {1, 16, 8}), (R{0.0f, 0.5f}));
  EXPECT_EQ(rule("token_embedding.weight", {9, 8}), (R{0.0f, 0.1f}));
  EXPECT_EQ(rule("class_embedding", {9}), (R{0.0f, 0.1f}));
  EXPECT_EQ(rule("a.patch_embedding.weight", {4, 3, 1, 1}), (R{0.0f, 1.0f}));
  EXPECT_EQ(rule("norm.weight", {8}), (R{1.0f, 0.1f}));
  EXPECT_EQ(rule("norm.bias", {8}), (R{0.0f, 0.05f}));
  EXPECT_EQ(rule("norm.running_var", {8}), (R{1.0f, 0.1f}));
  EXPECT_EQ(rule("m.output_blocks.11.1.transformer_blocks.0.norm1.bias", {8}), (R{0.0f, 0.3f}));
  EXPECT_EQ(value_rule("m.output_blocks.11.1.transformer_blocks.0.norm1.bias", {8}, false).factor, 0.05f);
  EXPECT_EQ(rule("decoder.conv_out.weight", {3, 3, 1, 1}), (R{0.0f, 0.3f}));
  EXPECT_EQ(rule("to_q.weight", {5, 12}), (R{0.0f, 0.5f}));
}

TEST(Synth, ExtraFilesHaveNamesOfTheirOwn) {
  for (const auto size : {SynthSize::kTiny, SynthSize::kFull}) {
    std::set<std::string> paths;
    for (const SynthFile& file : synthetic_files(size)) paths.insert(file.path);
    for (const SynthFile& file : extra_synthetic_files(size)) {
      EXPECT_TRUE(paths.insert(file.path).second) << file.path;
      std::set<std::string> names;
      for (const auto& [name, shape] : file.tensors) {
        EXPECT_TRUE(names.insert(name).second) << file.path << ": " << name;
        EXPECT_GT(shape.numel(), 0);
      }
    }
  }
}

TEST(Synth, DiffusersLayoutOfEveryKindOfBlock) {
  const UNetPlan plan = sdxl_plan(kTinyWidths);
  std::map<std::string, Shape> names;
  for (const auto& [name, shape] : in_diffusers_layout(unet(plan), plan)) names[name] = shape;
  for (const char* name :
       {"conv_in.weight", "time_embedding.linear_2.bias", "add_embedding.linear_1.weight", "conv_out.weight",
        "down_blocks.0.resnets.1.conv1.weight", "down_blocks.0.downsamplers.0.conv.bias",
        "down_blocks.1.resnets.0.conv_shortcut.weight", "down_blocks.2.attentions.1.transformer_blocks.9.norm3.weight",
        "mid_block.attentions.0.proj_in.weight", "mid_block.resnets.1.time_emb_proj.weight",
        "up_blocks.0.attentions.2.proj_out.bias", "up_blocks.0.upsamplers.0.conv.weight",
        "up_blocks.1.upsamplers.0.conv.weight", "up_blocks.2.resnets.2.norm2.weight", "conv_norm_out.bias"})
    EXPECT_EQ(names.count(name), 1u) << name;
  EXPECT_EQ(names.size(), unet(plan).size());
  EXPECT_EQ(names["up_blocks.0.resnets.0.conv1.weight"], (Shape{128, 256, 3, 3}));
}

TEST(Synth, WritesFilesThatReadBackInTheirLayout) {
  char pattern[] = "/tmp/easel-synth-XXXXXX";
  ASSERT_NE(mkdtemp(pattern), nullptr);
  const std::filesystem::path folder = pattern;
  const SynthOptions options{.only = {"coadapter", "ip-adapter_sd15.bin", "control_v11p"}};
  uint64_t last = 0;
  const auto paths = write_synthetic(folder, options, [&](const SynthProgress& p) {
    EXPECT_EQ(p.count, 3u);
    last = p.written;
  });
  ASSERT_EQ(paths.size(), 3u);
  for (const SynthFile& file : synthetic_files(SynthSize::kTiny)) {
    if (!std::filesystem::exists(folder / file.path)) continue;
    const formats::ModelFile read = formats::open_model_file(folder / file.path);
    ASSERT_EQ(read.tensors->size(), file.tensors.size());
    EXPECT_EQ(read.wrapper, "");
    Sha256 hash;
    auto expected = file.tensors.begin();
    for (const auto& [name, tensor] : *read.tensors) {
      EXPECT_EQ(name, expected->first);
      EXPECT_EQ(tensor.shape(), expected->second);
      EXPECT_EQ(tensor.encoding(), "F16");
      hash.update(tensor.data(), tensor.nbytes());
      ++expected;
    }
    EXPECT_EQ(hash.hex(), data_digest(file, 0)) << file.path;
    if (file.path.find("control") != std::string::npos) {
      EXPECT_EQ(last, file.bytes());
    }
  }
  EXPECT_THROW(write_synthetic(folder, {.only = {"no such file"}}), Error);
  const CancelToken cancel;
  cancel.cancel();
  const auto before = std::filesystem::file_size(paths[0]);
  EXPECT_THROW(write_synthetic(folder, options, {}, cancel), Error);
  EXPECT_EQ(std::filesystem::file_size(paths[0]), before);
  std::filesystem::remove_all(folder);
}

TEST(Synth, CheckpointsAreNestedInStateDict) {
  const std::filesystem::path& folder = testing::tiny_models_dir();
  const formats::ModelFile file = formats::open_model_file(folder / "checkpoints" / "sd21-unclip-h.ckpt");
  EXPECT_EQ(file.container, formats::Container::kTorchZip);
  EXPECT_EQ(file.wrapper, "state_dict");
  EXPECT_EQ(file.metadata.at("global_step"), "0");
  EXPECT_TRUE(file.tensors->contains("noise_augmentor.data_std"));
}

}  // namespace
}  // namespace easel::synth
