// Hooks against what they mean: the same model with the LoRA in it, sampled for the same part.
#include <gtest/gtest.h>

#include "engine/engine.h"
#include "nodes/common/trace.h"
#include "nodes/standard_table.h"
#include "support/shared.h"
#include "support/temp_folder.h"
#include "support/tiny_models.h"

namespace easel::engine {
namespace {

class Hooks : public ::testing::Test {
 protected:
  Hooks()
      : engine_({.table = nodes::standard_table(),
                 .folders = library::Folders(testing::tiny_models_dir()),
                 .directories = {folder_.path(), folder_.path(), folder_.path()}}) {}

  // The latent of node "out".
  Tensor latent(const std::string& nodes) {
    workflow::Json prompt = workflow::parse_json(R"({
      "m": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5-pruned-emaonly.safetensors"}},
      "p": {"class_type": "CLIPTextEncode", "inputs": {"text": "a barn", "clip": ["m", 1]}},
      "n": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["m", 1]}},
      "l": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
      "strong": {"class_type": "LoraLoader", "inputs": {"model": ["m", 0], "clip": ["m", 1], "lora_name": "sd15_style.safetensors",
        "strength_model": 1.0, "strength_clip": 1.0}},
      "hook": {"class_type": "CreateHookLora", "inputs": {"lora_name": "sd15_style.safetensors", "strength_model": 1.0,
        "strength_clip": 1.0}},
      "hp": {"class_type": "ConditioningSetProperties", "inputs": {"cond_NEW": ["p", 0], "strength": 1.0,
        "set_cond_area": "default", "hooks": ["hook", 0]}},
      "hn": {"class_type": "ConditioningSetProperties", "inputs": {"cond_NEW": ["n", 0], "strength": 1.0,
        "set_cond_area": "default", "hooks": ["hook", 0]}},
      "d": {"class_type": "VAEDecode", "inputs": {"samples": ["out", 0], "vae": ["m", 2]}},
      "show": {"class_type": "PreviewImage", "inputs": {"images": ["d", 0]}}})");
    prompt.update(workflow::parse_json("{" + nodes + "}"));
    const auto checked = engine_.check(workflow::parse_prompt(prompt));
    if (!checked.flawless()) checked.raise();
    TensorMap trace;
    EventSink quiet;
    engine_.run(checked, {.watch = nodes::trace_into(trace)}, quiet);
    return *trace.find("out.0.LATENT.samples");
  }
  static std::string sampler(const std::string& model, const std::string& positive, const std::string& negative,
                             double cfg = 5.0, int steps = 4) {
    return R"("out": {"class_type": "KSampler", "inputs": {"model": [")" + model + R"(", 0], "seed": 7, "steps": )" +
           std::to_string(steps) + R"(, "cfg": )" + std::to_string(cfg) +
           R"(, "sampler_name": "euler", "scheduler": "normal", "positive": [")" + positive + R"(", 0],
      "negative": [")" +
           negative + R"(", 0], "latent_image": ["l", 0], "denoise": 1.0}})";
  }
  static std::string part(const std::string& id, const std::string& model, const std::string& from, int begin, int end,
                          const std::string& positive = "p") {
    return "\"" + id + R"(": {"class_type": "KSamplerAdvanced", "inputs": {"model": [")" + model +
           R"(", 0], "add_noise": ")" + (begin == 0 ? "enable" : "disable") + R"(", "noise_seed": 7, "steps": 4,
      "cfg": 5.0, "sampler_name": "euler", "scheduler": "normal", "positive": [")" +
           positive + R"(", 0], "negative": ["n", 0], "latent_image": [")" + from + R"(", 0], "start_at_step": )" +
           std::to_string(begin) + R"(, "end_at_step": )" + std::to_string(end) +
           R"(, "return_with_leftover_noise": ")" + (end < 4 ? "enable" : "disable") + R"("}})";
  }

  testing::TempFolder folder_;
  Engine engine_;
};

TEST_F(Hooks, OnBothConditioningsAreTheLoraInTheModel) {
  const Tensor plain = latent(sampler("m", "p", "n"));
  const Tensor inside = latent(sampler("strong", "p", "n"));
  EXPECT_EQ(testing::max_difference(latent(sampler("m", "hp", "hn")), inside), 0.0);
  EXPECT_GT(testing::relative_error(inside, plain), 1e-3);
}

// One step of Euler's to no noise gives the prediction, which is a sum of both sides'.
TEST_F(Hooks, OnOneConditioningChangeItsSideOnly) {
  const Tensor positive = latent(sampler("strong", "p", "p", 1.0, 1));
  const Tensor negative = latent(sampler("m", "n", "n", 1.0, 1));
  const Tensor mixed = latent(sampler("m", "hp", "n", 5.0, 1));
  double most = 0, largest = 0;
  for (int64_t i = 0; i < mixed.numel(); ++i) {
    const double p = positive.f32()[i], n = negative.f32()[i], expected = n + (p - n) * 5.0;
    most = std::max(most, std::abs(expected - static_cast<double>(mixed.f32()[i])));
    largest = std::max(largest, std::abs(expected));
  }
  EXPECT_LE(most, 1e-4 * largest);
}

// Of four steps of "normal", those from half of the sampling on are the last two.
TEST_F(Hooks, KeyframesChangeTheStrengthFromAStepOn) {
  const std::string frames = R"(
    "k1": {"class_type": "CreateHookKeyframe", "inputs": {"strength_mult": 1.0, "start_percent": 0.0}},
    "k2": {"class_type": "CreateHookKeyframe", "inputs": {"strength_mult": 0.0, "start_percent": 0.5, "prev_hook_kf": ["k1", 0]}},
    "timed": {"class_type": "SetHookKeyframes", "inputs": {"hooks": ["hook", 0], "hook_kf": ["k2", 0]}},
    "tp": {"class_type": "PairConditioningSetProperties", "inputs": {"positive_NEW": ["p", 0], "negative_NEW": ["n", 0],
      "strength": 1.0, "set_cond_area": "default", "hooks": ["timed", 0]}},)";
  std::string run = sampler("m", "tp", "tp");
  run.replace(run.find(R"("negative": ["tp", 0])"), 21, R"("negative": ["tp", 1])");
  const Tensor timed = latent(frames + run);
  const Tensor parts = latent(part("first", "strong", "l", 0, 2) + "," + part("out", "m", "first", 2, 4));
  EXPECT_LE(testing::relative_error(timed, parts), 1e-5);
  EXPECT_GT(testing::relative_error(timed, latent(sampler("strong", "p", "n"))), 1e-4);
}

TEST_F(Hooks, TextEncodersTakeThem) {
  const std::string clip = R"(
    "clip": {"class_type": "SetClipHooks", "inputs": {"clip": ["m", 1], "apply_to_conds": true, "schedule_clip": false,
      "hooks": ["hook", 0]}},
    "cp": {"class_type": "CLIPTextEncode", "inputs": {"text": "a barn", "clip": ["clip", 0]}},
    "cn": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["clip", 0]}},
    "sp": {"class_type": "CLIPTextEncode", "inputs": {"text": "a barn", "clip": ["strong", 1]}},
    "sn": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["strong", 1]}},)";
  const Tensor inside = latent(clip + sampler("strong", "sp", "sn"));
  EXPECT_EQ(testing::max_difference(latent(clip + sampler("m", "cp", "cn")), inside), 0.0);
  EXPECT_GT(testing::relative_error(inside, latent(sampler("strong", "p", "n"))), 1e-5);
  // Scheduled without keyframes is all the time; twice is refused.
  std::string scheduled = clip;
  scheduled.replace(scheduled.find(R"("schedule_clip": false)"), 22, R"("schedule_clip": true)");
  EXPECT_EQ(testing::max_difference(latent(scheduled + sampler("m", "cp", "cn")), inside), 0.0);
  EXPECT_THROW(
      latent(clip + R"("again": {"class_type": "SetClipHooks", "inputs": {"clip": ["clip", 0], "apply_to_conds": true,
      "schedule_clip": false, "hooks": ["hook", 0]}},
    "ap": {"class_type": "CLIPTextEncode", "inputs": {"text": "a barn", "clip": ["again", 0]}},)" +
             sampler("m", "ap", "n")),
      Error);
}

// Each part of the sampling has the text as it is encoded with the keyframe's strength: of four steps of "normal" two
// lie before 0.5, one before 0.75, and one behind it.
TEST_F(Hooks, TextsAreEncodedForEachKeyframe) {
  const auto text = [](const std::string& id, const std::string& clip, int output) {
    return "\"" + id + R"(": {"class_type": "CLIPTextEncode", "inputs": {"text": "a barn", "clip": [")" + clip +
           "\", " + std::to_string(output) + "]}},";
  };
  const std::string nodes = R"(
    "texts": {"class_type": "CreateHookLora", "inputs": {"lora_name": "sd15_style.safetensors", "strength_model": 0.0,
      "strength_clip": 1.0}},
    "k1": {"class_type": "CreateHookKeyframe", "inputs": {"strength_mult": 1.0, "start_percent": 0.0}},
    "k2": {"class_type": "CreateHookKeyframe", "inputs": {"strength_mult": 0.0, "start_percent": 0.5, "prev_hook_kf": ["k1", 0]}},
    "k3": {"class_type": "CreateHookKeyframe", "inputs": {"strength_mult": -3.0, "start_percent": 0.75, "prev_hook_kf": ["k2", 0]}},
    "timed": {"class_type": "SetHookKeyframes", "inputs": {"hooks": ["texts", 0], "hook_kf": ["k3", 0]}},
    "clip": {"class_type": "SetClipHooks", "inputs": {"clip": ["m", 1], "apply_to_conds": true, "schedule_clip": true,
      "hooks": ["timed", 0]}},
    "turned": {"class_type": "LoraLoader", "inputs": {"model": ["m", 0], "clip": ["m", 1],
      "lora_name": "sd15_style.safetensors", "strength_model": 0.0, "strength_clip": -3.0}},)" +
                            text("cp", "clip", 0) + text("sp", "strong", 1) + text("tp", "turned", 1);
  const auto in_parts = [&](const char* first, const char* second, const char* third) {
    return latent(nodes + part("one", "m", "l", 0, 2, first) + "," + part("two", "m", "one", 2, 3, second) + "," +
                  part("out", "m", "two", 3, 4, third));
  };
  const Tensor scheduled = latent(nodes + sampler("m", "cp", "n"));
  EXPECT_LE(testing::relative_error(scheduled, in_parts("sp", "p", "tp")), 1e-6);
  // Each of the three is told apart from its neighbour.
  EXPECT_GT(testing::relative_error(scheduled, in_parts("p", "p", "tp")), 1e-5);
  EXPECT_GT(testing::relative_error(scheduled, in_parts("sp", "sp", "tp")), 1e-5);
  EXPECT_GT(testing::relative_error(scheduled, in_parts("sp", "p", "p")), 1e-5);
}

// With a strength of 1 the difference of another checkpoint makes that checkpoint of the model.
TEST_F(Hooks, ACheckpointAsAHookIsThatCheckpoint) {
  const std::string other = R"(
    "o": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "dreamshaper_8.safetensors"}},
    "oh": {"class_type": "CreateHookModelAsLoraModelOnly", "inputs": {"ckpt_name": "dreamshaper_8.safetensors", "strength_model": 1.0}},
    "op": {"class_type": "ConditioningSetProperties", "inputs": {"cond_NEW": ["p", 0], "strength": 1.0,
      "set_cond_area": "default", "hooks": ["oh", 0]}},
    "on": {"class_type": "ConditioningSetProperties", "inputs": {"cond_NEW": ["n", 0], "strength": 1.0,
      "set_cond_area": "default", "hooks": ["oh", 0]}},)";
  const Tensor theirs = latent(other + sampler("o", "p", "n"));
  EXPECT_LE(testing::relative_error(latent(other + sampler("m", "op", "on")), theirs), 1e-4);
  EXPECT_GT(testing::relative_error(theirs, latent(sampler("m", "p", "n"))), 1e-2);
}

// Where the mask of the one is 1 only it counts, and the default elsewhere.
TEST_F(Hooks, ADefaultTakesThePlaceThatIsLeft) {
  const std::string nodes = R"(
    "white": {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": 64, "height": 64}},
    "black": {"class_type": "SolidMask", "inputs": {"value": 0.0, "width": 64, "height": 64}},
    "grey": {"class_type": "SolidMask", "inputs": {"value": 0.25, "width": 64, "height": 64}},
    "other": {"class_type": "CLIPTextEncode", "inputs": {"text": "the sea", "clip": ["m", 1]}},)";
  const auto with = [](const char* mask) {
    return std::string(R"("masked": {"class_type": "ConditioningSetProperties", "inputs": {"cond_NEW": ["p", 0],
      "strength": 1.0, "set_cond_area": "default", "mask": [")") +
           mask + R"(", 0]}}, "both": {"class_type": "ConditioningSetDefaultCombine", "inputs": {"cond": ["masked", 0],
      "cond_DEFAULT": ["other", 0]}},)";
  };
  const Tensor barn = latent(nodes + sampler("m", "p", "n", 1.0, 1)),
               sea = latent(nodes + sampler("m", "other", "n", 1.0, 1));
  EXPECT_LE(testing::relative_error(latent(nodes + with("white") + sampler("m", "both", "n", 1.0, 1)), barn), 1e-6);
  EXPECT_LE(testing::relative_error(latent(nodes + with("black") + sampler("m", "both", "n", 1.0, 1)), sea), 1e-6);
  const Tensor mixed = latent(nodes + with("grey") + sampler("m", "both", "n", 1.0, 1));
  double most = 0, largest = 0;
  for (int64_t i = 0; i < mixed.numel(); ++i) {
    const double expected = 0.25 * barn.f32()[i] + 0.75 * sea.f32()[i];
    most = std::max(most, std::abs(expected - static_cast<double>(mixed.f32()[i])));
    largest = std::max(largest, std::abs(expected));
  }
  EXPECT_LE(most, 1e-5 * largest);
}

}  // namespace
}  // namespace easel::engine
