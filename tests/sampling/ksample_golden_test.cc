// The KSampler against the reference's results on the tiny models.
#include <gtest/gtest.h>

#include "formats/model_file.h"
#include "models/noise_augmentation.h"
#include "models/text_encoder.h"
#include "sampling/ksample.h"
#include "support/golden.h"
#include "support/tiny_models.h"

namespace easel::sampling {
namespace {

Tensor channels_last(const Tensor& t) { return contiguous(t.permute({0, 2, 3, 1})); }
Tensor channels_first(const Tensor& t) { return contiguous(t.permute({0, 3, 1, 2})); }

// A checkpoint in f32, opened by hand.
struct TinyModel {
  TinyModel(const std::string& name, models::Prediction prediction) {
    const auto tensors = formats::open_model_file(testing::tiny_models_dir() / "checkpoints" / name).tensors;
    unet = std::make_shared<const models::UNet>(nn::Weights(tensors, DType::kF32, name)["model"]["diffusion_model"]);
    handle.file = name;
    handle.config = unet->config();
    handle.prediction = prediction;
    clip.encoder = models::load_text_encoder(residency, *tensors, DType::kF32, name);
  }
  Conditioning encode(const std::string& prompt) const {
    ConditioningEntry entry;
    entry.cond = models::encode_prompt(clip, prompt).cond;
    return {entry};
  }
  models::Residency residency;
  models::ClipHandle clip;
  models::ModelHandle handle;
  std::shared_ptr<const models::UNet> unet;
};

const TinyModel& sd15() {
  static const TinyModel model("v1-5-pruned-emaonly.safetensors", models::Prediction::kEps);
  return model;
}

class KSampleGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(KSampleGolden, MatchesTheReference) {
  EASEL_NEEDS_SHARED();
  const TensorMap golden = testing::load_golden("samplers.safetensors");
  KSampleRequest request;
  request.model = sd15().handle;
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
    const double error = testing::relative_error(channels_first(ksample(request, sd15().unet)), *golden.find(key));
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
    EXPECT_EQ(find_sampler(name).run, find_sampler(std::string(name) + "_gpu").run);
  }
}

}  // namespace
}  // namespace easel::sampling
