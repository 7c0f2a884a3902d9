// Sampling taken apart gives what the KSampler gives.
#include <gtest/gtest.h>

#include "engine/engine.h"
#include "nodes/common/trace.h"
#include "nodes/standard_table.h"
#include "support/shared.h"
#include "support/tiny_models.h"

namespace easel::engine {
namespace {

class CustomSampling : public ::testing::Test {
 protected:
  CustomSampling()
      : folder_(std::filesystem::temp_directory_path() / ("easel-custom-" + std::to_string(getpid()))),
        engine_({.table = nodes::standard_table(),
                 .folders = library::Folders(testing::tiny_models_dir()),
                 .directories = {folder_, folder_, folder_}}) {}
  ~CustomSampling() override { std::filesystem::remove_all(folder_); }

  // The latent that node "out" (an output slot of which is previewed through the VAE) gives.
  TensorMap run(const std::string& nodes) {
    workflow::Json prompt = workflow::parse_json(R"({
      "m": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5-pruned-emaonly.safetensors"}},
      "p": {"class_type": "CLIPTextEncode", "inputs": {"text": "a barn", "clip": ["m", 1]}},
      "n": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["m", 1]}},
      "l": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
      "d": {"class_type": "VAEDecode", "inputs": {"samples": ["out", 0], "vae": ["m", 2]}},
      "show": {"class_type": "PreviewImage", "inputs": {"images": ["d", 0]}}})");
    prompt.update(workflow::parse_json(nodes));
    const auto checked = engine_.check(workflow::parse_prompt(prompt));
    if (!checked.flawless()) checked.raise();
    TensorMap trace;
    EventSink quiet;
    engine_.run(checked, {.watch = nodes::trace_into(trace)}, quiet);
    return trace;
  }
  Tensor latent(const std::string& nodes) { return *run(nodes).find("out.0.LATENT.samples"); }

  static std::string ksampler(const std::string& sampler, const std::string& scheduler) {
    return R"({"out": {"class_type": "KSampler", "inputs": {"model": ["m", 0], "seed": 7, "steps": 4, "cfg": 5.0,
      "sampler_name": ")" +
           sampler + R"(", "scheduler": ")" + scheduler + R"(", "positive": ["p", 0],
      "negative": ["n", 0], "latent_image": ["l", 0], "denoise": 0.8}}})";
  }
  std::filesystem::path folder_;
  Engine engine_;
};

TEST_F(CustomSampling, TheSamePartsGiveTheSameLatent) {
  const Tensor expected = latent(ksampler("euler_ancestral", "karras"));
  const std::string sigmas =
      R"("s": {"class_type": "BasicScheduler", "inputs": {"model": ["m", 0], "scheduler": "karras", "steps": 4,
         "denoise": 0.8}},)";
  const Tensor one = latent("{" + sigmas + R"(
    "k": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler_ancestral"}},
    "out": {"class_type": "SamplerCustom", "inputs": {"model": ["m", 0], "add_noise": true, "noise_seed": 7, "cfg": 5.0,
      "positive": ["p", 0], "negative": ["n", 0], "sampler": ["k", 0], "sigmas": ["s", 0], "latent_image": ["l", 0]}}})");
  EXPECT_EQ(testing::max_difference(one, expected), 0.0);
  const Tensor two = latent("{" + sigmas + R"(
    "k": {"class_type": "SamplerEulerAncestral", "inputs": {"eta": 1.0, "s_noise": 1.0}},
    "r": {"class_type": "RandomNoise", "inputs": {"noise_seed": 7}},
    "g": {"class_type": "CFGGuider", "inputs": {"model": ["m", 0], "positive": ["p", 0], "negative": ["n", 0], "cfg": 5.0}},
    "out": {"class_type": "SamplerCustomAdvanced", "inputs": {"noise": ["r", 0], "guider": ["g", 0], "sampler": ["k", 0],
      "sigmas": ["s", 0], "latent_image": ["l", 0]}}})");
  EXPECT_EQ(testing::max_difference(two, expected), 0.0);
}

TEST_F(CustomSampling, LevelsSplitInTwoMeetInTheMiddle) {
  const std::string parts = R"({
    "s": {"class_type": "BasicScheduler", "inputs": {"model": ["m", 0], "scheduler": "normal", "steps": 4, "denoise": 1.0}},
    "h": {"class_type": "SplitSigmas", "inputs": {"sigmas": ["s", 0], "step": 2}},
    "k": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
    "z": {"class_type": "DisableNoise", "inputs": {}},
    "r": {"class_type": "RandomNoise", "inputs": {"noise_seed": 3}},
    "g": {"class_type": "BasicGuider", "inputs": {"model": ["m", 0], "conditioning": ["p", 0]}},)";
  const auto sampler = [](const char* id, const char* noise, const char* sigmas, const char* from) {
    return std::string("\"") + id + R"(": {"class_type": "SamplerCustomAdvanced", "inputs": {"noise": [")" + noise +
           R"(", 0], "guider": ["g", 0], "sampler": ["k", 0], "sigmas": [)" + sigmas + R"(], "latent_image": [")" +
           from + R"(", 0]}})";
  };
  const Tensor whole = latent(parts + sampler("out", "r", "\"s\", 0", "l") + "}");
  const Tensor halves =
      latent(parts + sampler("first", "r", "\"h\", 0", "l") + "," + sampler("out", "z", "\"h\", 1", "first") + "}");
  EXPECT_LE(testing::relative_error(halves, whole), 1e-5);
}

TEST_F(CustomSampling, SchedulesByHandEqualTheNamedOnes) {
  for (const auto& [named, node] : {std::pair{"karras", "KarrasScheduler"}, {"exponential", "ExponentialScheduler"}}) {
    const std::string rho = std::string(named) == "karras" ? R"(, "rho": 7.0)" : "";
    const Tensor byhand = latent(std::string(R"({"s": {"class_type": ")") + node +
                                 R"(", "inputs": {"steps": 4, "sigma_max": 14.614642, "sigma_min": 0.0291675)" + rho +
                                 R"(}}, "k": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
      "out": {"class_type": "SamplerCustom", "inputs": {"model": ["m", 0], "add_noise": true, "noise_seed": 7, "cfg": 5.0,
      "positive": ["p", 0], "negative": ["n", 0], "sampler": ["k", 0], "sigmas": ["s", 0], "latent_image": ["l", 0]}}})");
    std::string ksample = ksampler("euler", named);
    ksample.replace(ksample.find("0.8"), 3, "1.0");
    EXPECT_LE(testing::relative_error(byhand, latent(ksample)), 1e-4) << node;
  }
}

TEST_F(CustomSampling, NumbersMayBeLinked) {
  const TensorMap trace = run(R"({
    "w": {"class_type": "PrimitiveInt", "inputs": {"value": 128}},
    "l": {"class_type": "EmptyLatentImage", "inputs": {"width": ["w", 0], "height": 64, "batch_size": 1}},
    "out": {"class_type": "LatentMultiply", "inputs": {"samples": ["l", 0], "multiplier": 0.5}}})");
  EXPECT_EQ(trace.find("out.0.LATENT.samples")->shape(), (Shape{1, 4, 8, 16}));
}

}  // namespace
}  // namespace easel::engine
