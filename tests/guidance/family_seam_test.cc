// A family that is nothing like Stable Diffusion, written against the interfaces alone: other latents, other noise, a
// network that is no UNet. Whatever samples has to run it.
#include <gtest/gtest.h>

#include <cmath>

#include "guidance/ksample.h"
#include "models/diffusion_model.h"
#include "sampling/golden.h"
#include "sampling/schedule/flow_sampling.h"
#include "sampling/schedule/schedule.h"

namespace easel::guidance {
namespace {

constexpr int64_t kChannels = 6;
constexpr float kBlank[kChannels] = {};
constexpr models::LatentFormat kLatents{
    .name = "Toy flow", .channels = kChannels, .factor = 4, .scale = 0.5f, .shift = 0.25f, .blank = kBlank};
const models::Family kFamily{.id = "toy-flow", .name = "Toy flow", .latents = &kLatents};

// The picture that a text stands for: each channel by the mean of its context.
float wished(const Tensor& context, int64_t row, int64_t channel) {
  const int64_t each = context.numel() / context.dim(0);
  double sum = 0;
  for (int64_t i = 0; i < each; ++i) sum += context.f32()[row * each + i];
  return static_cast<float>(sum / static_cast<double>(each)) + 0.1f * static_cast<float>(channel);
}

// Knows the way from any noise to the picture that the text wishes, and says it as flow models do: noise - picture.
class ToyFlow final : public models::DiffusionModel {
 public:
  const models::Family& family() const override { return kFamily; }
  sampling::ModelSamplingPtr sampling() const override {
    return std::make_shared<const sampling::FlowSampling>(
        sampling::FlowSampling::Options{.shift = 2.0, .time_scale = 1.0, .levels = 100});
  }
  const models::ConditioningTaken& takes() const override { return takes_; }
  models::NetworkInputs inputs(const models::ConditioningEntry& entry, bool,
                               const models::InputContext& context) const override {
    EXPECT_EQ(context.file, "toy.safetensors");
    if (entry.cond.dim(2) != takes_.text_width) throw Error(Fault::kMismatch, "another text").in_file(context.file);
    return {.context = entry.cond, .y = {}, .concat = {}};
  }
  models::Network network(const models::NetworkRun& run) const override {
    return [sampling = run.sampling, cancel = run.cancel](const models::NetworkBatch& batch) {
      cancel.check();
      const Tensor seen = sampling->network_input(batch.x, batch.sigma);
      const float told = sampling->timestep(batch.sigma);
      Tensor said(seen.shape());
      const int64_t each = seen.numel() / seen.dim(0);
      for (int64_t i = 0; i < seen.numel(); ++i)
        said.f32()[i] = (seen.f32()[i] - wished(batch.inputs.context, i / each, i % kChannels)) / told;
      return sampling->denoised(said, batch.x, batch.sigma);
    };
  }
  const memory::ResidentBase& weights() const override { throw Error(Fault::kInternal, "it has none"); }
  size_t run_bytes(int64_t, int64_t, int64_t) const override { return 0; }
  memory::Residency* residency() const override { return nullptr; }
  std::shared_ptr<const models::DiffusionModel> patched(nn::WeightPatchPtr) const override {
    return std::make_shared<const ToyFlow>();
  }

 private:
  models::ConditioningTaken takes_{.text_width = 5, .text_encoders = "a toy encoder"};
};

models::Conditioning text(float mean) {
  models::ConditioningEntry entry;
  entry.cond = Tensor::full(Shape{1, 3, 5}, mean);
  return {entry};
}

KSampleRequest request() {
  KSampleRequest r;
  r.model.file = "toy.safetensors";
  r.model.net = std::make_shared<const ToyFlow>();
  r.model.sampling = r.model.net->sampling();
  r.positive = text(0.8f);
  r.negative = text(-0.3f);
  r.latent = Tensor::zeros(Shape{2, 5, 7, kChannels});
  r.steps = 6;
  r.cfg = 2;
  r.seed = 11;
  return r;
}

// What guidance of 2 makes of the two texts, as the family's VAE would be given it.
Tensor expected(const Shape& shape) {
  Tensor out(shape);
  for (int64_t i = 0; i < out.numel(); ++i) {
    const float channel = 0.1f * static_cast<float>(i % kChannels);
    const float positive = 0.8f + channel, negative = -0.3f + channel;
    out.f32()[i] = (negative + 2 * (positive - negative)) / kLatents.scale + kLatents.shift;
  }
  return out;
}

TEST(FamilySeam, EverySamplerForFlowEndsInThePictureOfTheTexts) {
  for (const sampling::SamplerInfo& sampler : sampling::samplers()) {
    if (!sampler.fades) continue;
    KSampleRequest r = request();
    r.sampler = std::string(sampler.name);
    // Two of them stop a little above zero: what noise is left there is below six deviations of that level.
    float stops_at = 0;
    if (sampler.name == "dpm_fast") {
      const std::vector<float> levels = sampling::schedule(*r.model.sampling, r.scheduler, r.steps);
      stops_at = levels[levels.size() - 2];
    } else if (sampler.name.starts_with("uni_pc")) {
      stops_at = 0.001f;
    }
    const double left = 1e-4 + static_cast<double>(6 * stops_at / kLatents.scale);
    EXPECT_LT(testing::max_difference(ksample(r), expected(r.latent.shape())), left) << sampler.name;
  }
}

TEST(FamilySeam, OtherSamplersAreRefusedWithAWayOut) {
  KSampleRequest r = request();
  r.sampler = "dpmpp_2m_sde";
  try {
    ksample(r);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kMismatch);
    EXPECT_EQ(e.input(), "sampler_name");
    EXPECT_NE(e.advice().find("euler"), std::string::npos);
  }
}

TEST(FamilySeam, EveryScheduleAndAPartOfItRun) {
  for (std::string_view scheduler : sampling::scheduler_names())
    for (double denoise : {1.0, 0.5}) {
      KSampleRequest r = request();
      r.scheduler = std::string(scheduler);
      r.denoise = denoise;
      EXPECT_LT(testing::max_difference(ksample(r), expected(r.latent.shape())), 1e-4) << scheduler << " " << denoise;
    }
}

TEST(FamilySeam, TwoStagesEqualOneRun) {
  KSampleRequest whole = request(), first = whole, second = whole;
  first.start_step = 0;
  first.last_step = 3;
  second.latent = ksample(first);
  second.disable_noise = true;
  second.start_step = 3;
  second.last_step = 10000;
  EXPECT_GT(testing::max_difference(second.latent, expected(whole.latent.shape())), 0.1);
  EXPECT_LT(testing::max_difference(ksample(second), ksample(whole)), 1e-4);
}

TEST(FamilySeam, AMaskKeepsTheRest) {
  KSampleRequest r = request();
  r.latent = Tensor::full(r.latent.shape(), 0.6f);
  r.noise_mask = Tensor::zeros(Shape{1, 5, 7});
  for (int64_t i = 0; i < 7; ++i) r.noise_mask.f32()[i] = 1;
  const Tensor result = ksample(r);
  EXPECT_LT(testing::max_difference(result.slice(1, 1, 4), r.latent.slice(1, 1, 4)), 1e-5);
  EXPECT_LT(testing::max_difference(result.slice(1, 0, 1), expected(r.latent.shape()).slice(1, 0, 1)), 1e-4);
}

// A change to the model that the test brings: every picture comes out brighter, and whoever counts weights is told.
class Brighter final : public models::ModelPatch {
 public:
  std::string_view kind() const override { return "guidance"; }
  std::unique_ptr<models::GuidanceStep> guidance() const override {
    class Step final : public models::GuidanceStep {
      void after(models::GuidanceMoment& moment) override {
        for (float& v : moment.denoised.values()) v += 0.25f;
      }
    };
    return std::make_unique<Step>();
  }
};

class NoChange final : public nn::WeightPatch {
 public:
  StoredTensor apply(const std::string&, const StoredTensor& weight) const override { return weight; }
  std::string key() const override { return "none"; }
};

TEST(FamilySeam, ChangesToAModelAreOneList) {
  KSampleRequest r = request();
  const auto net = r.model.net;
  r.model = models::with_patch(r.model, std::make_shared<const Brighter>());
  EXPECT_EQ(r.model.net, net);
  r.model = models::with_patch(r.model, models::weight_patch(std::make_shared<const NoChange>()));
  EXPECT_NE(r.model.net, net);
  EXPECT_EQ(r.model.patches.size(), 2u);
  Tensor brighter = expected(r.latent.shape());
  for (float& v : brighter.values()) v += 0.25f / kLatents.scale;
  EXPECT_LT(testing::max_difference(ksample(r), brighter), 1e-4);
}

TEST(FamilySeam, TheFamilySaysWhatDoesNotFit) {
  KSampleRequest r = request();
  r.positive[0].cond = Tensor::full(Shape{1, 3, 4}, 1.0f);
  EXPECT_THROW(ksample(r), Error);
  r = request();
  EXPECT_THROW(models::unet_of(r.model, "an IP-Adapter"), Error);
  r.model.sampling = sampling::ModelSamplingPtr();
  EXPECT_THROW(ksample(r), Error);
}

}  // namespace
}  // namespace easel::guidance
