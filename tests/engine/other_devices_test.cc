// Whole workflows on every other device (the reference, in plain f64; graphics cards) against the processor's kernels,
// in f32.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <vector>

#include "engine/engine.h"
#include "formats/pictures/picture.h"
#include "nodes/common/trace.h"
#include "nodes/standard_table.h"
#include "ops/backend.h"
#include "support/shared.h"
#include "support/tiny_models.h"

namespace easel::engine {
namespace {

namespace fs = std::filesystem;

class OtherDevices : public ::testing::TestWithParam<Device> {
 protected:
  OtherDevices() : folder_(fs::temp_directory_path() / ("easel-reference-" + std::to_string(getpid()))) {
    fs::create_directories(folder_);
    Tensor picture({1, 64, 64, 3});
    for (int64_t i = 0; i < picture.numel(); ++i)
      picture.f32()[i] = 0.5f + 0.5f * std::sin(static_cast<float>(i % 1009) * 0.05f);
    formats::save_png(folder_ / "a.png", picture);
  }
  ~OtherDevices() override {
    ops::set_compute_device(kHost);
    fs::remove_all(folder_);
  }

  // Every value that travelled over a link.
  TensorMap run(Device device, const workflow::Json& json) {
    EventSink quiet;
    return run(device, json, quiet);
  }
  TensorMap run(Device device, const workflow::Json& json, EventSink& sink) {
    ops::set_compute_device(device);
    Engine engine({.table = nodes::standard_table(),
                   .folders = library::Folders(testing::tiny_models_dir()),
                   .directories = {folder_, folder_, folder_}});
    const auto checked = engine.check(workflow::parse_prompt(json));
    if (!checked.flawless()) checked.raise();
    TensorMap trace;
    engine.run(checked, {.watch = nodes::trace_into(trace)}, sink);
    return trace;
  }
  // Runs on both and compares each value, relative to the norm of the processor's.
  void expect_alike(const workflow::Json& json, const char* decisive) {
    const TensorMap fast = run(kHost, json), plain = run(GetParam(), json);
    ASSERT_EQ(fast.size(), plain.size());
    for (const auto& [key, value] : plain) {
      const Tensor* expected = fast.find(key);
      ASSERT_NE(expected, nullptr) << key;
      EXPECT_LE(testing::relative_error(value, *expected), 1e-5) << key;
    }
    // Other arithmetic rounds otherwise: had the processor computed both, they would be the same.
    ASSERT_NE(plain.find(decisive), nullptr);
    EXPECT_GT(testing::relative_error(*plain.find(decisive), *fast.find(decisive)), 0.0);
  }

  fs::path folder_;
};

TEST_P(OtherDevices, RunsImg2ImgWithControlNetAndIpAdapter) {
  expect_alike(workflow::parse_json(R"json({
    "m": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5-pruned-emaonly.safetensors"}},
    "p": {"class_type": "CLIPTextEncode", "inputs": {"text": "a (barn:1.2) at night", "clip": ["m", 1]}},
    "n": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["m", 1]}},
    "a": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
    "c": {"class_type": "ControlNetLoader", "inputs": {"control_net_name": "control_v11p_sd15_canny_fp16.safetensors"}},
    "e": {"class_type": "Canny", "inputs": {"image": ["a", 0], "low_threshold": 0.2, "high_threshold": 0.5}},
    "k": {"class_type": "ControlNetApplyAdvanced", "inputs": {"positive": ["p", 0], "negative": ["n", 0],
      "control_net": ["c", 0], "image": ["e", 0], "strength": 0.8, "start_percent": 0.0, "end_percent": 1.0}},
    "u": {"class_type": "IPAdapterUnifiedLoader", "inputs": {"model": ["m", 0], "preset": "PLUS (high strength)"}},
    "x": {"class_type": "IPAdapterAdvanced", "inputs": {"model": ["u", 0], "ipadapter": ["u", 1], "image": ["a", 0],
      "weight": 0.7, "weight_type": "linear", "combine_embeds": "concat", "start_at": 0.0, "end_at": 1.0,
      "embeds_scaling": "K+V"}},
    "l": {"class_type": "VAEEncode", "inputs": {"pixels": ["a", 0], "vae": ["m", 2]}},
    "out": {"class_type": "KSampler", "inputs": {"model": ["x", 0], "seed": 7, "steps": 3, "cfg": 5.0,
      "sampler_name": "euler", "scheduler": "normal", "positive": ["k", 0], "negative": ["k", 1],
      "latent_image": ["l", 0], "denoise": 0.7}},
    "d": {"class_type": "VAEDecode", "inputs": {"samples": ["out", 0], "vae": ["m", 2]}},
    "show": {"class_type": "PreviewImage", "inputs": {"images": ["d", 0]}}
  })json"),
               "d.0.IMAGE");
}

// Nodes that bring a technique into a run, and what of it the sampler takes.
struct Technique {
  const char* name;
  const char* nodes;   // members of the prompt
  const char* inputs;  // of the KSampler, in place of the plain ones
};

const Technique kTechniques[] = {
    {"LoRA",
     R"("t": {"class_type": "LoraLoader", "inputs": {"model": ["m", 0], "clip": ["m", 1],
        "lora_name": "sd15_style.safetensors", "strength_model": 0.8, "strength_clip": 0.5}},)",
     R"("model": ["t", 0])"},
    {"FreeU",
     R"("t": {"class_type": "FreeU_V2", "inputs": {"model": ["m", 0], "b1": 1.3, "b2": 1.4, "s1": 0.9, "s2": 0.2}},)",
     R"("model": ["t", 0])"},
    {"deep shrink",
     R"("t": {"class_type": "PatchModelAddDownscale", "inputs": {"model": ["m", 0], "block_number": 3,
        "downscale_factor": 2.0, "start_percent": 0.0, "end_percent": 1.0, "downscale_after_skip": true,
        "downscale_method": "bicubic", "upscale_method": "bilinear"}},)",
     R"("model": ["t", 0])"},
    {"rescaled guidance", R"("t": {"class_type": "RescaleCFG", "inputs": {"model": ["m", 0], "multiplier": 0.7}},)",
     R"("model": ["t", 0])"},
    {"perturbed attention",
     R"("t": {"class_type": "PerturbedAttentionGuidance", "inputs": {"model": ["m", 0], "scale": 3.0}},)",
     R"("model": ["t", 0])"},
    {"self-attention guidance",
     R"("t": {"class_type": "SelfAttentionGuidance", "inputs": {"model": ["m", 0], "scale": 0.5, "blur_sigma": 2.0}},)",
     R"("model": ["t", 0], "latent_image": ["wide", 0])"},
    {"perpendicular negative",
     R"("t": {"class_type": "PerpNeg", "inputs": {"model": ["m", 0], "empty_conditioning": ["n", 0], "neg_scale": 1.0}},)",
     R"("model": ["t", 0])"},
    {"zero star", R"("t": {"class_type": "CFGZeroStar", "inputs": {"model": ["m", 0]}},)", R"("model": ["t", 0])"},
    {"guidance norm", R"("t": {"class_type": "CFGNorm", "inputs": {"model": ["m", 0], "strength": 1.0}},)",
     R"("model": ["t", 0])"},
    {"inpainting",
     R"("f": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd-v1-5-inpainting.safetensors"}},
        "s": {"class_type": "SolidMask", "inputs": {"value": 0.75, "width": 32, "height": 32}},
        "t": {"class_type": "InpaintModelConditioning", "inputs": {"positive": ["p", 0], "negative": ["n", 0],
        "vae": ["m", 2], "pixels": ["a", 0], "mask": ["s", 0], "noise_mask": true}},)",
     R"("model": ["f", 0], "positive": ["t", 0], "negative": ["t", 1], "latent_image": ["t", 2])"},
    {"differential diffusion in an area",
     R"("s": {"class_type": "SolidMask", "inputs": {"value": 0.75, "width": 32, "height": 32}},
        "q": {"class_type": "ConditioningSetMask", "inputs": {"conditioning": ["p", 0], "mask": ["s", 0], "strength": 0.7,
        "set_cond_area": "mask bounds"}},
        "r": {"class_type": "ConditioningCombine", "inputs": {"conditioning_1": ["p", 0], "conditioning_2": ["q", 0]}},
        "b": {"class_type": "SetLatentNoiseMask", "inputs": {"samples": ["l", 0], "mask": ["s", 0]}},
        "t": {"class_type": "DifferentialDiffusion", "inputs": {"model": ["m", 0], "strength": 0.5}},)",
     R"("model": ["t", 0], "positive": ["r", 0], "latent_image": ["b", 0])"},
    {"T2I-Adapter",
     R"("c": {"class_type": "ControlNetLoader", "inputs": {"control_net_name": "t2iadapter_canny_sd14v1.pth"}},
        "t": {"class_type": "ControlNetApplyAdvanced", "inputs": {"positive": ["p", 0], "negative": ["n", 0],
        "control_net": ["c", 0], "image": ["a", 0], "strength": 0.8, "start_percent": 0.0, "end_percent": 1.0}},)",
     R"("positive": ["t", 0], "negative": ["t", 1])"},
    {"style model",
     R"("v": {"class_type": "CLIPVisionLoader", "inputs": {"clip_name": "style_pytorch_model.bin"}},
        "e": {"class_type": "CLIPVisionEncode", "inputs": {"clip_vision": ["v", 0], "image": ["a", 0], "crop": "none"}},
        "c": {"class_type": "StyleModelLoader", "inputs": {"style_model_name": "coadapter-style-sd15v1.pth"}},
        "t": {"class_type": "StyleModelApply", "inputs": {"conditioning": ["p", 0], "style_model": ["c", 0],
        "clip_vision_output": ["e", 0], "strength": 0.5, "strength_type": "multiply"}},)",
     R"("positive": ["t", 0])"},
    {"unCLIP",
     R"("u": {"class_type": "unCLIPCheckpointLoader", "inputs": {"ckpt_name": "sd21-unclip-l.ckpt"}},
        "e": {"class_type": "CLIPVisionEncode", "inputs": {"clip_vision": ["u", 3], "image": ["a", 0], "crop": "none"}},
        "q": {"class_type": "CLIPTextEncode", "inputs": {"text": "a (red:1.2) barn", "clip": ["u", 1]}},
        "t": {"class_type": "unCLIPConditioning", "inputs": {"conditioning": ["q", 0], "clip_vision_output": ["e", 0],
        "strength": 1.0, "noise_augmentation": 0.1}},)",
     R"("model": ["u", 0], "positive": ["t", 0], "negative": ["q", 0])"},
    {"IP-Adapter of 2024",
     R"("v": {"class_type": "CLIPVisionLoader", "inputs": {"clip_name": "IPAdapter_image_encoder_sd15.safetensors"}},
        "c": {"class_type": "IPAdapterModelLoader", "inputs": {"ipadapter_file": "ip-adapter_sd15.bin"}},
        "t": {"class_type": "IPAdapterApply", "inputs": {"ipadapter": ["c", 0], "clip_vision": ["v", 0], "image": ["a", 0],
        "model": ["m", 0], "weight": 0.8, "noise": 0.3, "weight_type": "channel penalty", "start_at": 0.0, "end_at": 1.0,
        "unfold_batch": false}},)",
     R"("model": ["t", 0])"},
};

TEST_P(OtherDevices, RunsTechniquesOfSampling) {
  for (const Technique& technique : kTechniques) {
    SCOPED_TRACE(technique.name);
    std::string text = R"json({
      "m": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5-pruned-emaonly.safetensors"}},
      "p": {"class_type": "CLIPTextEncode", "inputs": {"text": "a (barn:1.2) at night", "clip": ["m", 1]}},
      "n": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["m", 1]}},
      "a": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
      "l": {"class_type": "EmptyLatentImage", "inputs": {"width": 32, "height": 32, "batch_size": 1}},
      "wide": {"class_type": "EmptyLatentImage", "inputs": {"width": 128, "height": 64, "batch_size": 1}},)json";
    text += technique.nodes;
    const workflow::Json own = workflow::parse_json("{" + std::string(technique.inputs) + "}");
    workflow::Json sampler = workflow::parse_json(R"json({"model": ["m", 0], "seed": 7, "denoise": 1.0, "steps": 1,
      "cfg": 2.0, "sampler_name": "euler", "scheduler": "normal", "positive": ["p", 0], "negative": ["n", 0],
      "latent_image": ["l", 0]})json");
    sampler.update(own);
    text += R"("out": {"class_type": "KSampler", "inputs": )" + workflow::dump_json(sampler) + R"(},
      "show": {"class_type": "SaveLatent", "inputs": {"samples": ["out", 0], "filename_prefix": "x"}})";
    expect_alike(workflow::parse_json(text + "}"), "out.0.LATENT.samples");
  }
}

// What the device had made when each step ended.
struct MadeInSteps final : EventSink {
  void take(const RunEvent& event) override {
    const auto* progress = std::get_if<NodeProgress>(&event);
    if (progress && progress->max >= 4) made.push_back(ops::backend(ops::compute_device()).made());
  }
  std::vector<ops::Backend::Made> made;
};

TEST_P(OtherDevices, AStepAfterTheFirstMakesNothing) {
  MadeInSteps sink;
  run(GetParam(), workflow::parse_json(R"json({
    "m": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5-pruned-emaonly.safetensors"}},
    "p": {"class_type": "CLIPTextEncode", "inputs": {"text": "a barn at night", "clip": ["m", 1]}},
    "n": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["m", 1]}},
    "l": {"class_type": "EmptyLatentImage", "inputs": {"width": 32, "height": 32, "batch_size": 1}},
    "out": {"class_type": "KSampler", "inputs": {"model": ["m", 0], "seed": 7, "steps": 5, "cfg": 5.0,
      "sampler_name": "dpmpp_2m", "scheduler": "karras", "positive": ["p", 0], "negative": ["n", 0],
      "latent_image": ["l", 0], "denoise": 1.0}},
    "show": {"class_type": "SaveLatent", "inputs": {"samples": ["out", 0], "filename_prefix": "x"}}
  })json"),
      sink);
  ASSERT_EQ(sink.made.size(), 5u);
  for (size_t i = 2; i < sink.made.size(); ++i) {
    EXPECT_EQ(sink.made[i].blocks, sink.made[1].blocks) << "step " << i + 1;
    EXPECT_EQ(sink.made[i].shaders, sink.made[1].shaders) << "step " << i + 1;
    EXPECT_EQ(sink.made[i].commands, sink.made[1].commands) << "step " << i + 1;
  }
}

std::vector<Device> other_devices() {
  std::vector<Device> found;
  for (const Device device : ops::devices())
    if (device != kHost) found.push_back(device);
  return found;
}

INSTANTIATE_TEST_SUITE_P(Device, OtherDevices, ::testing::ValuesIn(other_devices()), [](const auto& test) {
  std::string name = device_name(test.param);
  std::replace(name.begin(), name.end(), ':', '_');
  return name;
});

}  // namespace
}  // namespace easel::engine
