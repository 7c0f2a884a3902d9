// The KSampler against the reference's results on the tiny models.
#include <gtest/gtest.h>

#include "guidance/ksample.h"
#include "models/checkpoint/checkpoint.h"
#include "models/control/controlnet.h"
#include "sampling/golden.h"
#include "support/tiny_models.h"

namespace easel::guidance {
namespace {

using testing::channels_first;
using testing::channels_last;

// A checkpoint in f32.
struct TinyModel {
  explicit TinyModel(const std::string& name)
      : checkpoint(models::load_checkpoint(formats::open_model_file(testing::tiny_models_dir() / "checkpoints" / name),
                                           residency, DType::kF32)) {}
  models::Conditioning encode(const std::string& prompt) const {
    models::ClipHandle clip;
    clip.encoder = checkpoint.text;
    models::ConditioningEntry entry;
    entry.cond = models::encode_prompt(clip, prompt).cond;
    return {entry};
  }
  memory::Residency residency;
  models::Checkpoint checkpoint;
};

const TinyModel& sd15() {
  static const TinyModel model("v1-5-pruned-emaonly.safetensors");
  return model;
}

class KSampleGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(KSampleGolden, MatchesTheReference) {
  EASEL_NEEDS_SHARED();
  const TensorMap golden = testing::load_golden("samplers.safetensors");
  KSampleRequest request;
  request.model = sd15().checkpoint.model;
  request.positive = sd15().encode("a serious guy in the park");
  request.negative = sd15().encode("blurry");
  request.seed = 3;
  request.steps = 5;
  request.sampler = GetParam();
  for (const bool partial : {false, true}) {
    request.scheduler = partial ? "karras" : "normal";
    request.denoise = partial ? 0.6 : 1.0;
    request.cfg = partial ? 7.0 : 5.0;
    request.latent = partial ? channels_last(*golden.find("latent_in")) : Tensor::zeros(Shape{2, 8, 8, 4});
    const std::string key = "ksampler." + request.sampler + (partial ? ".karras.0.6.7.0" : ".normal.1.0.5.0");
    ASSERT_NE(golden.find(key), nullptr) << key;
    const double error = testing::relative_error(channels_first(ksample(request)), *golden.find(key));
    EXPECT_LE(error, 1e-5) << key;
    RecordProperty(partial ? "error_karras" : "error_normal", std::to_string(error));
  }
}

// The names that end in _gpu are the same functions.
INSTANTIATE_TEST_SUITE_P(Samplers, KSampleGolden,
                         ::testing::Values("euler", "euler_ancestral", "heun", "heunpp2", "dpm_2", "dpm_2_ancestral",
                                           "lms", "dpm_fast", "dpm_adaptive", "dpmpp_2s_ancestral", "dpmpp_sde",
                                           "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_3m_sde", "ddpm", "lcm", "ddim", "uni_pc",
                                           "uni_pc_bh2"),
                         [](const auto& sampler) { return std::string(sampler.param); });

TEST(KSample, GpuNamesAreTheSameSamplers) {
  for (const char* name : {"dpmpp_sde", "dpmpp_2m_sde", "dpmpp_3m_sde"}) {
    EXPECT_EQ(sampling::find_sampler(name).run, sampling::find_sampler(std::string(name) + "_gpu").run);
  }
}

TEST(KSample, PredictsVelocityAsTheReferenceDoes) {
  EASEL_NEEDS_SHARED();
  const TinyModel model("sd21-unclip-h.ckpt");
  EXPECT_EQ(model.checkpoint.model.sampling->prediction(), sampling::Prediction::kV);
  KSampleRequest request;
  request.model = model.checkpoint.model;
  request.positive = model.encode("x");
  request.negative = model.encode("");
  request.seed = 3;
  request.steps = 5;
  request.cfg = 5;
  request.latent = Tensor::zeros(Shape{2, 8, 8, 4});
  const Tensor expected = testing::load_golden("samplers.safetensors", "ksampler.unclip_v.euler");
  EXPECT_LE(testing::relative_error(channels_first(ksample(request)), expected), 1e-5);
}

// A KSampler node of a seed workflow, fed with the reference's own values for what comes before it.
struct TracedNode {
  TracedNode(const std::string& workflow, const std::string& checkpoint)
      : trace(testing::load_golden(workflow + ".golden.safetensors")), model(checkpoint) {
    request.model = model.checkpoint.model;
    request.steps = 4;
  }
  const Tensor& traced(const std::string& key) const {
    const Tensor* found = trace.find(key);
    if (!found) throw Error(Fault::kMissing, "no " + key);
    return *found;
  }
  models::ConditioningEntry entry(const std::string& node, int index = 0) const {
    const std::string key = node + ".0.CONDITIONING." + std::to_string(index);
    models::ConditioningEntry e;
    e.cond = traced(key + ".cond");
    e.pooled_output = traced(key + ".pooled_output");
    return e;
  }
  models::UnclipImage image(const std::string& node, float strength, float noise) const {
    models::UnclipImage image;
    image.embedding.image_embeds = traced(node + ".0.CLIP_VISION_OUTPUT.image_embeds");
    image.strength = strength;
    image.noise_augmentation = noise;
    return image;
  }
  void latent(const std::string& node) { request.latent = channels_last(traced(node + ".0.LATENT.samples")); }
  void expect_result(const std::string& node) {
    EXPECT_LE(testing::relative_error(channels_first(ksample(request)), traced(node + ".0.LATENT.samples")), 1e-5);
  }

  TensorMap trace;
  TinyModel model;
  KSampleRequest request;
};

models::SizeHint square(float size) {
  models::SizeHint hint;
  hint.width = hint.height = hint.target_width = hint.target_height = size;
  hint.crop_w = hint.crop_h = 0;
  return hint;
}

TEST(KSampleTrace, ImageToImageSdxl) {
  EASEL_NEEDS_SHARED();
  TracedNode node("img2img_SDXL", "sd_xl_base_1.0.safetensors");
  node.request.positive = {node.entry("16")};
  node.request.negative = {node.entry("19")};
  node.request.positive[0].size = node.request.negative[0].size = square(4096);
  node.latent("39");
  node.request.seed = 41;
  node.request.cfg = 5.5;
  node.request.sampler = "dpmpp_2m_sde_gpu";
  node.request.scheduler = "exponential";
  node.request.denoise = 0.7999999999999999;
  node.expect_result("36");
}

TEST(KSampleTrace, Unclip) {
  EASEL_NEEDS_SHARED();
  TracedNode node("conditioning_unclip", "sd21-unclip-h.ckpt");
  node.request.positive = {node.entry("14")};
  node.request.positive[0].unclip = {node.image("13", 1, 0.1f)};
  node.request.negative = {node.entry("7")};
  node.latent("5");
  node.request.seed = 2;
  node.request.cfg = 7;
  node.request.sampler = "dpmpp_3m_sde_gpu";
  node.request.scheduler = "sgm_uniform";
  node.expect_result("3");
}

TEST(KSampleTrace, UnclipOfTwoImages) {
  EASEL_NEEDS_SHARED();
  TracedNode node("conditioning_unclip_multiple_imgs", "sd21-unclip-h.ckpt");
  node.request.positive = {node.entry("18")};
  node.request.positive[0].unclip = {node.image("13", 0.75f, 0), node.image("17", 0.4f, 0.35f)};
  node.request.negative = {node.entry("7")};
  node.latent("5");
  node.request.seed = 7;
  node.request.cfg = 7;
  node.request.sampler = "dpmpp_3m_sde_gpu";
  node.request.scheduler = "sgm_uniform";
  node.expect_result("3");
}

TEST(KSampleTrace, Revision) {
  EASEL_NEEDS_SHARED();
  TracedNode node("revision_SDXL", "sd_xl_base_1.0.safetensors");
  node.request.positive = {node.entry("48")};
  node.request.positive[0].unclip = {node.image("42", 1, 0), node.image("47", 0.6f, 0.3f)};
  node.request.negative = {node.entry("53")};
  node.request.positive[0].size = node.request.negative[0].size = square(4096);
  node.latent("5");
  node.request.seed = 51;
  node.request.cfg = 8;
  node.request.sampler = "dpmpp_2m_sde";
  node.request.scheduler = "sgm_uniform";
  node.expect_result("36");
}

TEST(KSampleTrace, Refiner) {
  EASEL_NEEDS_SHARED();
  TracedNode node("unclip_SDXL_refiner", "sd_xl_refiner_1.0.safetensors");
  node.request.positive = {node.entry("28")};
  node.request.negative = {node.entry("29")};
  models::SizeHint size;
  size.width = size.height = 1024;
  size.aesthetic_score = 6;
  node.request.positive[0].size = node.request.negative[0].size = size;
  node.request.negative[0].size.aesthetic_score = 3.0f;
  node.latent("22");
  node.request.seed = 8;
  node.request.cfg = 6;
  node.request.sampler = "dpmpp_2m";
  node.request.scheduler = "karras";
  node.request.denoise = 0.4;
  node.expect_result("24");
}

TEST(KSampleTrace, StyleBesideText) {
  EASEL_NEEDS_SHARED();
  TracedNode node("conditioning_style", "v1-5-pruned-emaonly.safetensors");
  node.request.positive = {node.entry("12")};
  node.request.negative = {node.entry("7")};
  node.latent("5");
  node.request.seed = 10;
  node.request.cfg = 7;
  node.request.sampler = "dpmpp_2m";
  node.request.scheduler = "karras";
  node.expect_result("3");
}

TEST(KSampleTrace, StyleFirstThenText) {
  EASEL_NEEDS_SHARED();
  TracedNode node("timestepping_style_model", "v1-5-pruned-emaonly.safetensors");
  node.request.positive = {node.entry("29", 0), node.entry("29", 1)};
  node.request.positive[0].start_percent = 0.0;
  node.request.positive[0].end_percent = 0.4;
  node.request.positive[1].start_percent = 0.4;
  node.request.positive[1].end_percent = 1.0;
  node.request.negative = {node.entry("7")};
  node.latent("5");
  node.request.seed = 10;
  node.request.cfg = 7;
  node.request.sampler = "dpmpp_2m";
  node.request.scheduler = "karras";
  node.expect_result("3");
}

// Control on the tiny models: what must not matter does not, bit for bit.
TEST(KSampleControl, StrengthTimeAndChains) {
  memory::Residency residency;
  models::ControlLink link;
  const auto canny =
      formats::open_model_file(testing::tiny_models_dir() / "controlnet" / "control_v11p_sd15_canny_fp16.safetensors");
  link.net = models::load_controlnet(canny, residency, DType::kF32);
  link.hint = Tensor::full(Shape{1, 64, 64, 3}, 0.3f);
  KSampleRequest request;
  request.model = sd15().checkpoint.model;
  const models::Conditioning positive = sd15().encode("a serious guy in the park");
  request.negative = sd15().encode("blurry");
  request.latent = Tensor::zeros(Shape{1, 8, 8, 4});
  request.steps = 2;
  request.cfg = 5;
  const auto with = [&](const models::ControlLinkPtr& control) {
    request.positive = positive;
    request.positive[0].control = control;
    return ksample(request);
  };
  const auto changed = [&](const auto& change) {
    models::ControlLink copy = link;
    change(copy);
    return std::make_shared<const models::ControlLink>(copy);
  };

  const Tensor plain = with(nullptr), controlled = with(changed([](models::ControlLink&) {}));
  EXPECT_GT(testing::relative_error(controlled, plain), 1e-3);
  EXPECT_EQ(testing::max_difference(with(changed([](models::ControlLink& l) { l.strength = 0; })), plain), 0);
  EXPECT_EQ(testing::max_difference(with(changed([](models::ControlLink& l) { l.end_percent = 0; })), plain), 0);
  EXPECT_EQ(testing::max_difference(with(changed([](models::ControlLink& l) { l.start_percent = 1; })), plain), 0);

  const auto half = changed([](models::ControlLink& l) { l.strength = 0.5f; });
  const auto twice = changed([&](models::ControlLink& l) {
    l.strength = 0.5f;
    l.previous = half;
  });
  EXPECT_LT(testing::relative_error(with(twice), controlled), 1e-5);
}

}  // namespace
}  // namespace easel::guidance
