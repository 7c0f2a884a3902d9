// A whole workflow on the reference backend, in plain f64, against the processor's kernels in f32.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

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

constexpr Device kReference{DeviceKind::kReference, 0};

class ReferenceBackend : public ::testing::Test {
 protected:
  ReferenceBackend() : folder_(fs::temp_directory_path() / ("easel-reference-" + std::to_string(getpid()))) {
    fs::create_directories(folder_);
    Tensor picture({1, 64, 64, 3});
    for (int64_t i = 0; i < picture.numel(); ++i)
      picture.f32()[i] = 0.5f + 0.5f * std::sin(static_cast<float>(i % 1009) * 0.05f);
    formats::save_png(folder_ / "a.png", picture);
  }
  ~ReferenceBackend() override {
    ops::set_compute_device(kHost);
    fs::remove_all(folder_);
  }

  // Every value that travelled over a link.
  TensorMap run(Device device, const workflow::Json& json) {
    ops::set_compute_device(device);
    Engine engine({.table = nodes::standard_table(),
                   .folders = library::Folders(testing::tiny_models_dir()),
                   .directories = {folder_, folder_, folder_}});
    const auto checked = engine.check(workflow::parse_prompt(json));
    if (!checked.flawless()) checked.raise();
    TensorMap trace;
    EventSink quiet;
    engine.run(checked, {.watch = nodes::trace_into(trace)}, quiet);
    return trace;
  }
  // Runs on both and compares each value, relative to the norm of the processor's.
  void expect_alike(const workflow::Json& json, const char* decisive) {
    const TensorMap fast = run(kHost, json), plain = run(kReference, json);
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

TEST_F(ReferenceBackend, RunsImg2ImgWithControlNetAndIpAdapter) {
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

}  // namespace
}  // namespace easel::engine
