// Nodes of extensions that stand for a chain of ComfyUI's nodes give what the chain gives, bit for bit; lists run
// through whole workflows.
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

#include "engine/engine.h"
#include "nodes/standard_table.h"
#include "support/tiny_models.h"

namespace easel::engine {
namespace {

namespace fs = std::filesystem;
using workflow::Json;

class ComposedNodes : public ::testing::Test {
 protected:
  ComposedNodes()
      : folder_(fs::temp_directory_path() / ("easel-composed-" + std::to_string(getpid()))),
        engine_({.table = nodes::standard_table(),
                 .folders = library::Folders(testing::tiny_models_dir()),
                 .directories = {folder_, folder_, folder_}}) {}
  ~ComposedNodes() override { fs::remove_all(folder_); }

  void run(const char* text) {
    made_.clear();
    EventSink nobody;
    const Plan plan = engine_.check(workflow::parse_prompt(workflow::parse_json(text)));
    ASSERT_TRUE(plan.flawless()) << plan.text();
    RunOptions options;
    options.watch = [this](const std::string& id, const nodes::Outputs& outputs) { made_[id] = outputs; };
    engine_.run(plan, options, nobody);
  }

  static std::vector<float> values(const Tensor& t) { return {t.f32(), t.f32() + t.numel()}; }

  fs::path folder_;
  Engine engine_;
  std::map<std::string, nodes::Outputs> made_;
};

TEST_F(ComposedNodes, EfficientNodesAreTheirChain) {
  run(R"graph({
    "m": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5-pruned-emaonly.safetensors"}},
    "l": {"class_type": "LoraLoader", "inputs": {"model": ["m", 0], "clip": ["m", 1],
          "lora_name": "sd15_style.safetensors", "strength_model": 0.5, "strength_clip": 0.75}},
    "c": {"class_type": "CLIPSetLastLayer", "inputs": {"clip": ["l", 1], "stop_at_clip_layer": -2}},
    "p": {"class_type": "CLIPTextEncode", "inputs": {"text": "a (red:1.2) barn", "clip": ["c", 0]}},
    "n": {"class_type": "CLIPTextEncode", "inputs": {"text": "fog", "clip": ["c", 0]}},
    "e": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
    "k": {"class_type": "KSampler", "inputs": {"model": ["l", 0], "seed": 7, "steps": 2, "cfg": 5.0,
          "sampler_name": "euler", "scheduler": "karras", "positive": ["p", 0], "negative": ["n", 0],
          "latent_image": ["e", 0], "denoise": 1.0}},
    "d": {"class_type": "VAEDecode", "inputs": {"samples": ["k", 0], "vae": ["m", 2]}},
    "s": {"class_type": "PreviewImage", "inputs": {"images": ["d", 0]}}})graph");
  const auto latent = values(made_.at("k")[0].as<nodes::Latent>().samples);
  const auto image = values(made_.at("d")[0].as<Tensor>());
  run(R"graph({
    "s": {"class_type": "LoRA Stacker", "inputs": {"input_mode": "advanced", "lora_count": 1,
          "lora_name_1": "sd15_style.safetensors", "model_str_1": 0.5, "clip_str_1": 0.75}},
    "m": {"class_type": "Efficient Loader", "inputs": {"ckpt_name": "v1-5-pruned-emaonly.safetensors",
          "vae_name": "Baked VAE", "clip_skip": -2, "lora_name": "None", "lora_model_strength": 1.0,
          "lora_clip_strength": 1.0, "positive": "a (red:1.2) barn", "negative": "fog",
          "token_normalization": "none", "weight_interpretation": "comfy", "empty_latent_width": 64,
          "empty_latent_height": 64, "batch_size": 1, "lora_stack": ["s", 0]}},
    "k": {"class_type": "KSampler (Efficient)", "inputs": {"model": ["m", 0], "seed": 7, "steps": 2, "cfg": 5.0,
          "sampler_name": "euler", "scheduler": "karras", "positive": ["m", 1], "negative": ["m", 2],
          "latent_image": ["m", 3], "denoise": 1.0, "preview_method": "auto", "vae_decode": "true",
          "optional_vae": ["m", 4]}}})graph");
  EXPECT_EQ(values(made_.at("k")[3].as<nodes::Latent>().samples), latent);
  EXPECT_EQ(values(made_.at("k")[5].as<Tensor>()), image);
}

TEST_F(ComposedNodes, ModelsThatDoNotFitAreFoundBeforeAnythingRuns) {
  const Plan plan = engine_.check(workflow::parse_prompt(workflow::parse_json(R"graph({
    "m": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd_xl_base_1.0.safetensors"}},
    "p": {"class_type": "Efficient Loader", "inputs": {"ckpt_name": "v1-5-pruned-emaonly.safetensors",
          "vae_name": "Baked VAE", "clip_skip": -1, "lora_name": "None", "lora_model_strength": 1.0,
          "lora_clip_strength": 1.0, "positive": "a", "negative": "b", "token_normalization": "none",
          "weight_interpretation": "comfy", "empty_latent_width": 64, "empty_latent_height": 64, "batch_size": 1}},
    "k": {"class_type": "KSampler (Efficient)", "inputs": {"model": ["m", 0], "seed": 7, "steps": 2, "cfg": 5.0,
          "sampler_name": "euler", "scheduler": "karras", "positive": ["p", 1], "negative": ["p", 2],
          "latent_image": ["p", 3], "denoise": 1.0, "preview_method": "auto", "vae_decode": "false"}}})graph")));
  EXPECT_FALSE(plan.flawless());
}

TEST_F(ComposedNodes, FeaturesThatAreMissingAreRefusedByName) {
  const Plan plan = engine_.check(workflow::parse_prompt(workflow::parse_json(R"graph({
    "p": {"class_type": "Efficient Loader", "inputs": {"ckpt_name": "v1-5-pruned-emaonly.safetensors",
          "vae_name": "Baked VAE", "clip_skip": -1, "lora_name": "None", "lora_model_strength": 1.0,
          "lora_clip_strength": 1.0, "positive": "a", "negative": "b", "token_normalization": "mean",
          "weight_interpretation": "comfy", "empty_latent_width": 64, "empty_latent_height": 64, "batch_size": 1}},
    "k": {"class_type": "VAEDecode", "inputs": {"samples": ["p", 3], "vae": ["p", 4]}},
    "s": {"class_type": "PreviewImage", "inputs": {"images": ["k", 0]}}})graph")));
  ASSERT_FALSE(plan.flawless());
  EXPECT_NE(plan.text().find("token_normalization"), std::string::npos) << plan.text();
}

struct DetailerRun {
  const char *sampler, *scheduler;
  int steps;
  double denoise;
  int start, end;  // the steps of the whole schedule that are taken
};
class DetailerChain : public ComposedNodes, public ::testing::WithParamInterface<DetailerRun> {};

// A square of 16 pixels at (8, 16) with as much around it is enlarged twofold, drawn anew, and put back.
TEST_P(DetailerChain, IsTheDetailer) {
  const DetailerRun& how = GetParam();
  const std::string names =
      R"("sampler_name": ")" + std::string(how.sampler) + R"(", "scheduler": ")" + how.scheduler + "\"";
  const auto graph = [](const std::string& more) {
    return R"graph({
    "m": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5-pruned-emaonly.safetensors"}},
    "p": {"class_type": "CLIPTextEncode", "inputs": {"text": "a (red:1.2) barn", "clip": ["m", 1]}},
    "n": {"class_type": "CLIPTextEncode", "inputs": {"text": "fog", "clip": ["m", 1]}},
    "e": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
    "k": {"class_type": "KSampler", "inputs": {"model": ["m", 0], "seed": 7, "steps": 2, "cfg": 5.0,
          "sampler_name": "euler", "scheduler": "karras", "positive": ["p", 0], "negative": ["n", 0],
          "latent_image": ["e", 0], "denoise": 1.0}},
    "d": {"class_type": "VAEDecode", "inputs": {"samples": ["k", 0], "vae": ["m", 2]}},
    "black": {"class_type": "SolidMask", "inputs": {"value": 0.0, "width": 64, "height": 64}},
    "white": {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": 16, "height": 16}},
    "mask": {"class_type": "MaskComposite", "inputs": {"destination": ["black", 0], "source": ["white", 0], "x": 8,
             "y": 16, "operation": "add"}},
    "s": {"class_type": "PreviewImage", "inputs": {"images": ["out", 0]}},)graph" +
           more + "}";
  };
  run(graph(R"graph(
    "cut": {"class_type": "ImageCrop", "inputs": {"image": ["d", 0], "width": 32, "height": 32, "x": 0, "y": 8}},
    "large": {"class_type": "ImageScale", "inputs": {"image": ["cut", 0], "upscale_method": "lanczos", "width": 64,
              "height": 64, "crop": "disabled"}},
    "part": {"class_type": "CropMask", "inputs": {"mask": ["mask", 0], "width": 32, "height": 32, "x": 0, "y": 8}},
    "noise": {"class_type": "ImpactGaussianBlurMask", "inputs": {"mask": ["part", 0], "kernel_size": 3, "sigma": 10.0}},
    "edge": {"class_type": "ImpactGaussianBlurMask", "inputs": {"mask": ["part", 0], "kernel_size": 5, "sigma": 10.0}},
    "encoded": {"class_type": "VAEEncode", "inputs": {"pixels": ["large", 0], "vae": ["m", 2]}},
    "masked": {"class_type": "SetLatentNoiseMask", "inputs": {"samples": ["encoded", 0], "mask": ["noise", 0]}},
    "soft": {"class_type": "DifferentialDiffusion", "inputs": {"model": ["m", 0]}},
    "again": {"class_type": "KSamplerAdvanced //Inspire", "inputs": {"model": ["soft", 0], "add_noise": true,
              "noise_seed": 31, "cfg": 3.0, "positive": ["p", 0], "negative": ["n", 0], "latent_image": ["masked", 0],
              "noise_mode": "CPU", "return_with_leftover_noise": false, "batch_seed_mode": "comfy",
              "variation_seed": 0, "variation_strength": 0.0, "start_at_step": )graph" +
            std::to_string(how.start) + R"(, "end_at_step": )" + std::to_string(how.end) + R"(, "steps": )" +
            std::to_string(static_cast<int>(how.steps / how.denoise)) + ", " + names + R"graph(}},
    "fresh": {"class_type": "VAEDecode", "inputs": {"samples": ["again", 0], "vae": ["m", 2]}},
    "small": {"class_type": "ImageScale", "inputs": {"image": ["fresh", 0], "upscale_method": "lanczos", "width": 32,
              "height": 32, "crop": "disabled"}},
    "out": {"class_type": "ImageCompositeMasked", "inputs": {"destination": ["d", 0], "source": ["small", 0], "x": 0,
            "y": 8, "resize_source": false, "mask": ["edge", 0]}})graph")
          .c_str());
  const auto expected = values(made_.at("out")[0].as<Tensor>());
  run(graph(R"graph(
    "segs": {"class_type": "MaskToSEGS", "inputs": {"mask": ["mask", 0], "combined": false, "crop_factor": 2.0,
             "bbox_fill": false, "drop_size": 10, "contour_fill": false}},
    "out": {"class_type": "DetailerForEach", "inputs": {"image": ["d", 0], "segs": ["segs", 0], "model": ["m", 0],
            "clip": ["m", 1], "vae": ["m", 2], "guide_size": 64.0, "guide_size_for": false, "max_size": 1024.0,
            "seed": 31, "cfg": 3.0, "positive": ["p", 0], "negative": ["n", 0], "feather": 5, "steps": )graph" +
            std::to_string(how.steps) + R"(, "denoise": )" + std::to_string(how.denoise) + ", " + names + R"graph(,
             "noise_mask": true, "force_inpaint": true,
            "wildcard": "", "cycle": 1, "inpaint_model": false, "noise_mask_feather": 3}})graph")
          .c_str());
  const auto before = values(made_.at("d")[0].as<Tensor>()), after = values(made_.at("out")[0].as<Tensor>());
  ASSERT_EQ(after.size(), expected.size());
  for (size_t i = 0; i < after.size(); ++i) ASSERT_NEAR(after[i], expected[i], 1e-6) << i;
  EXPECT_NE(after, before);
}

// dpmpp_2m_sde's noise spans the whole schedule. 28 steps of ddim_uniform are 29, of which the last is not taken.
INSTANTIATE_TEST_SUITE_P(All, DetailerChain,
                         ::testing::Values(DetailerRun{"euler", "normal", 2, 0.5, 2, 4},
                                           DetailerRun{"dpmpp_2m_sde", "karras", 3, 0.5, 3, 6},
                                           DetailerRun{"euler", "ddim_uniform", 20, 0.7, 8, 28}));

// The level that is left out counts as 0 in the whole schedule too, so the noise spans the levels that are taken.
TEST_F(ComposedNodes, NoiseSpansNoLevelThatIsTakenForClean) {
  run(R"graph({
    "m": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5-pruned-emaonly.safetensors"}},
    "p": {"class_type": "CLIPTextEncode", "inputs": {"text": "a (red:1.2) barn", "clip": ["m", 1]}},
    "e": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
    "plain": {"class_type": "KSamplerAdvanced", "inputs": {"model": ["m", 0], "add_noise": "enable", "noise_seed": 7,
              "steps": 28, "cfg": 1.0, "sampler_name": "dpmpp_2m_sde", "scheduler": "ddim_uniform",
              "positive": ["p", 0], "negative": ["p", 0], "latent_image": ["e", 0], "start_at_step": 0,
              "end_at_step": 28, "return_with_leftover_noise": "disable"}},
    "whole": {"class_type": "KSamplerAdvanced //Inspire", "inputs": {"model": ["m", 0], "add_noise": true,
              "noise_seed": 7, "steps": 28, "cfg": 1.0, "sampler_name": "dpmpp_2m_sde", "scheduler": "ddim_uniform",
              "positive": ["p", 0], "negative": ["p", 0], "latent_image": ["e", 0], "start_at_step": 0,
              "end_at_step": 28, "return_with_leftover_noise": false, "noise_mode": "CPU", "batch_seed_mode": "comfy",
              "variation_seed": 0, "variation_strength": 0.0}},
    "a": {"class_type": "VAEDecode", "inputs": {"samples": ["plain", 0], "vae": ["m", 2]}},
    "b": {"class_type": "VAEDecode", "inputs": {"samples": ["whole", 0], "vae": ["m", 2]}},
    "s": {"class_type": "PreviewImage", "inputs": {"images": ["a", 0]}},
    "t": {"class_type": "PreviewImage", "inputs": {"images": ["b", 0]}}})graph");
  EXPECT_EQ(values(made_.at("whole")[0].as<nodes::Latent>().samples),
            values(made_.at("plain")[0].as<nodes::Latent>().samples));
}

// Three pictures are taken apart, each batch is made larger by itself, and they become one batch again.
TEST_F(ComposedNodes, ListsRunThroughWorkflows) {
  run(R"graph({
    "e": {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 8, "batch_size": 3, "color": 65280}},
    "r": {"class_type": "RebatchImages", "inputs": {"images": ["e", 0], "batch_size": 2}},
    "b": {"class_type": "ImageScale", "inputs": {"image": ["r", 0], "upscale_method": "nearest-exact", "width": 32,
          "height": 16, "crop": "disabled"}},
    "s": {"class_type": "PreviewImage", "inputs": {"images": ["b", 0]}},
    "t": {"class_type": "ImageListToBatch+", "inputs": {"image": ["b", 0]}},
    "u": {"class_type": "PreviewImage", "inputs": {"images": ["t", 0]}}})graph");
  const auto& scaled = made_.at("b")[0].as<nodes::ValueList>();
  ASSERT_EQ(scaled.items.size(), 2u);
  EXPECT_EQ(scaled.items[0].as<Tensor>().shape(), (Shape{2, 16, 32, 3}));
  EXPECT_EQ(scaled.items[1].as<Tensor>().shape(), (Shape{1, 16, 32, 3}));
  EXPECT_EQ(made_.at("t")[0].as<Tensor>().shape(), (Shape{3, 16, 32, 3}));
}

}  // namespace
}  // namespace easel::engine
