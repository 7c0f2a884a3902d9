// Guidance and the KSampler over a toy network, against what ComfyUI does with the same.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "guidance/ksample.h"
#include "image/scale/resize.h"
#include "models/diffusion_model.h"
#include "sampling/golden.h"
#include "sampling/schedule/schedule.h"

namespace easel::guidance {
namespace {

const sampling::DiscreteSampling kModel(testing::kPublishedBetas, sampling::Prediction::kEps);

// sin(f * i + p) for every element, in the order of the shape.
Tensor wave(const Shape& shape, double f, double p) {
  Tensor t(shape);
  for (int64_t i = 0; i < t.numel(); ++i) t.f32()[i] = static_cast<float>(std::sin(static_cast<double>(i) * f + p));
  return t;
}

Tensor latent_wave(int64_t n, int64_t h, int64_t w, double f, double p) {
  return testing::channels_last(wave(Shape{n, 4, h, w}, f, p));
}

models::ConditioningEntry entry(int id, int64_t tokens = 6, int64_t n = 1) {
  models::ConditioningEntry e;
  e.cond = wave(Shape{n, tokens, 3}, 1.3, id);
  for (float& v : e.cond.values()) v += 0.2f * static_cast<float>(id);
  return e;
}

models::ControlLinkPtr control(float value) {
  auto link = std::make_shared<models::ControlLink>();
  link->strength = value;
  return link;
}

// x / (1 + sigma^2) + 0.3 tanh(x) / (1 + sigma) + (mean context + control) / 10 + a slope over the region: something
// that shows which context, control and place each chunk was evaluated with.
Tensor toy_network(const models::NetworkBatch& batch) {
  const int64_t n = batch.x.dim(0), h = batch.x.dim(1), w = batch.x.dim(2), c = batch.x.dim(3);
  Tensor out(batch.x.shape());
  for (int64_t i = 0; i < out.numel(); ++i) {
    const int64_t row = i / (h * w * c), y = i / (w * c) % h, x = i / c % w;
    const auto context = batch.inputs.context.slice(0, row, 1);
    const int64_t width = context.numel();
    float mean = 0;
    for (int64_t k = 0; k < width; ++k) mean += batch.inputs.context.f32()[row * width + k];
    mean = mean / static_cast<float>(width) + (batch.control ? batch.control->strength : 0);
    const float v = batch.x.f32()[i], sigma = batch.sigma;
    out.f32()[i] = v / (1 + sigma * sigma) + 0.3f * std::tanh(v) / (1 + sigma) + 0.1f * mean +
                   0.01f * static_cast<float>(x) + 0.02f * static_cast<float>(y);
  }
  EXPECT_EQ(batch.inputs.context.dim(0), n);
  return out;
}

models::NetworkInputs text_only(const models::ConditioningEntry& e, bool) {
  return {.context = e.cond, .y = {}, .concat = {}};
}

// That network as a model of a family of its own.
class ToyModel final : public models::DiffusionModel {
 public:
  const models::Family& family() const override {
    static const models::Family toy{.id = "toy", .name = "Toy", .latents = &models::default_latents()};
    return toy;
  }
  sampling::ModelSamplingPtr sampling() const override {
    return std::make_shared<const sampling::DiscreteSampling>(testing::kPublishedBetas, sampling::Prediction::kEps);
  }
  const models::ConditioningTaken& takes() const override { return takes_; }
  models::NetworkInputs inputs(const models::ConditioningEntry& entry, bool negative,
                               const models::InputContext&) const override {
    return text_only(entry, negative);
  }
  models::Network network(const models::NetworkRun&) const override { return toy_network; }
  const memory::ResidentBase& weights() const override { throw Error(Fault::kInternal, "it has none"); }
  size_t run_bytes(int64_t, int64_t, int64_t) const override { return 0; }
  memory::Residency* residency() const override { return nullptr; }
  std::shared_ptr<const models::DiffusionModel> patched(nn::WeightPatchPtr) const override { return nullptr; }

 private:
  models::ConditioningTaken takes_;
};

// Three numbers that stand for a whole tensor, in the reference's element order.
std::vector<double> fingerprint(const Tensor& latent) {
  const Tensor t = testing::channels_first(latent);
  double mean = 0, sine = 0, cosine = 0;
  for (int64_t i = 0; i < t.numel(); ++i) {
    const double v = t.f32()[i], at = static_cast<double>(i);
    mean += v;
    sine += v * std::sin(0.1 * at);
    cosine += v * std::cos(0.37 * at);
  }
  const auto count = static_cast<double>(t.numel());
  return {mean / count, sine / count, cosine / count};
}

nlohmann::json reference() { return testing::reference_beside("guidance/guidance_reference.json"); }

void expect_fingerprint(const Tensor& result, const nlohmann::json& expected, const std::string& name) {
  const std::vector<double> actual = fingerprint(result);
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(actual[i], expected[i].get<double>(), 2e-6) << name << " " << i;
}

struct Case {
  models::Conditioning positive, negative = {entry(2)};
  double cfg = 4;
  float sigma = 3;
};

models::ConditioningEntry with_area(models::ConditioningEntry e, const models::Area& area, float strength = 1) {
  e.area = area;
  e.strength = strength;
  return e;
}

models::ConditioningEntry with_mask(models::ConditioningEntry e, const Tensor& mask) {
  e.mask = mask;
  return e;
}

models::ConditioningEntry timed(models::ConditioningEntry e, double start, double end) {
  e.start_percent = start;
  e.end_percent = end;
  return e;
}

models::ConditioningEntry controlled(models::ConditioningEntry e, models::ControlLinkPtr link, bool uncond) {
  e.control = std::move(link);
  e.control_apply_to_uncond = uncond;
  return e;
}

// A mask of two samples with one box each.
Tensor two_boxes() {
  Tensor mask = Tensor::zeros(Shape{2, 16, 20});
  for (int64_t y = 3; y < 9; ++y) {
    for (int64_t x = 5; x < 12; ++x) mask.f32()[y * 20 + x] = 0.7f;
  }
  for (int64_t y = 6; y < 14; ++y) {
    for (int64_t x = 2; x < 8; ++x) mask.f32()[320 + y * 20 + x] = 0.4f;
  }
  return mask;
}

std::map<std::string, Case> region_cases() {
  std::map<std::string, Case> cases;
  cases["area"].positive = {with_area(entry(1), {8, 10, 4, 6}, 0.8f), entry(3)};
  cases["area_relative"].positive = {with_area(entry(1), {0.5, 0.55, 0.25, 0.4, true}), entry(3)};
  cases["area_only"].positive = {with_area(entry(1), {16, 10, 0, 0}), with_area(entry(3), {16, 10, 0, 10})};
  cases["area_small"].positive = {with_area(entry(1), {4, 5, 6, 3}), entry(3)};
  cases["area_clipped"].positive = {with_area(entry(1), {12, 12, 8, 12}), entry(3)};
  cases["area_nested"] = {.positive = {with_area(entry(1), {8, 8, 4, 4}), entry(3)},
                          .negative = {entry(2), with_area(entry(4), {12, 12, 2, 2}, 0.5f)}};
  cases["area_negative"] = {.positive = {entry(1)}, .negative = {entry(2), with_area(entry(4), {8, 8, 4, 4}, 0.5f)}};

  Tensor soft = wave(Shape{1, 8, 10}, 0.9, 0.3);
  for (float& v : soft.values()) v = v * 0.5f + 0.5f;
  cases["mask"].positive = {with_mask(entry(1), soft), entry(3)};
  cases["mask"].positive[0].mask_strength = 0.6f;
  cases["mask_only"].positive = {with_mask(entry(1), soft)};
  cases["mask_only"].positive[0].strength = 0.5f;
  cases["mask_bounds"].positive = {with_mask(entry(1), two_boxes()), entry(3)};
  cases["mask_bounds"].positive[0].set_area_to_bounds = true;
  cases["mask_empty"].positive = {with_mask(entry(1), Tensor::zeros(Shape{16, 20})), entry(3)};
  cases["mask_empty"].positive[0].set_area_to_bounds = true;
  return cases;
}

std::map<std::string, Case> other_cases() {
  std::map<std::string, Case> cases;
  cases["plain"] = {.positive = {entry(1)}, .cfg = 7};
  cases["cfg1"] = {.positive = {entry(1)}, .cfg = 1};
  cases["strengths"].positive = {entry(1), entry(3)};
  cases["strengths"].positive[0].strength = 0.7f;
  cases["strengths"].positive[1].strength = 1.3f;

  const models::Conditioning partly = {timed(entry(1), 0.2, 0.6), entry(3)};
  cases["range_in"] = {.positive = partly, .sigma = 2};
  cases["range_before"] = {.positive = partly, .sigma = 6};
  cases["range_after"] = {.positive = partly, .sigma = 1};
  cases["range_none"] = {.positive = {timed(entry(1), 0, 0.1)}, .sigma = 1};

  cases["tokens"].positive = {entry(1, 12)};
  cases["tokens_apart"] = {.positive = {entry(1, 6)}, .negative = {entry(2, 5)}};
  cases["batch_context"].positive = {entry(1, 6, 2)};

  const models::ControlLinkPtr a = control(0.5f), b = control(-0.25f);
  cases["control"].positive = {controlled(entry(1), a, true)};
  cases["control_positive"].positive = {controlled(entry(1), a, false)};
  cases["control_two"] = {.positive = {controlled(entry(1), a, true), controlled(entry(3), b, true)},
                          .negative = {entry(2), entry(4)}};
  cases["control_taken"] = {.positive = {controlled(entry(1), a, true)}, .negative = {controlled(entry(2), b, true)}};
  return cases;
}

// guidance_reference.json: per case what ComfyUI's process_conds and sampling_function give for the toy network on a
// latent of [2,4,16,20], as a fingerprint, and the batches it ran.
void compare_with_reference(const std::map<std::string, Case>& cases) {
  const auto expected = reference();
  const Shape shape{2, 16, 20, 4};
  Tensor x = latent_wave(2, 16, 20, 0.7, 0.1);
  for (float& v : x.values()) v *= 3;
  for (const auto& [name, c] : cases) {
    ASSERT_TRUE(expected.contains(name)) << name;
    auto batches = nlohmann::json::array();
    const models::Network network = [&](const models::NetworkBatch& batch) {
      batches.push_back({{"chunks", batch.cond_or_uncond},
                         {"height", batch.x.dim(1)},
                         {"width", batch.x.dim(2)},
                         {"tokens", batch.inputs.context.dim(1)}});
      return toy_network(batch);
    };
    Guidance guidance(prepare_conditioning(c.positive, c.negative, shape, kModel, text_only), shape, network,
                      {.cfg = c.cfg});
    expect_fingerprint(guidance.denoised(x, c.sigma), expected[name]["result"], name);
    EXPECT_EQ(batches, expected[name]["batches"]) << name;
  }
}

TEST(Guidance, AreasAndMasksMatchTheReference) { compare_with_reference(region_cases()); }
TEST(Guidance, StrengthsTimesContextsAndControlMatchTheReference) { compare_with_reference(other_cases()); }

TEST(Guidance, SmallBatchesGiveTheSameResult) {
  const Shape shape{2, 16, 20, 4};
  const Tensor x = latent_wave(2, 16, 20, 0.7, 0.1);
  const Case c = region_cases()["area_only"];
  std::vector<Tensor> results;
  for (int64_t limit : {int64_t{1}, int64_t{700}, int64_t{1} << 30}) {
    Guidance guidance(prepare_conditioning(c.positive, c.negative, shape, kModel, text_only), shape, toy_network,
                      {.cfg = c.cfg});
    guidance.limit_batches(limit);
    results.push_back(guidance.denoised(x, 3));
  }
  EXPECT_LT(testing::relative_error(results[0], results[2]), 1e-6);
  EXPECT_LT(testing::relative_error(results[1], results[2]), 1e-6);
}

TEST(Guidance, AnEmptyTimeRangeChangesNothingAtAll) {
  const Shape shape{1, 8, 8, 4};
  const Tensor x = latent_wave(1, 8, 8, 0.7, 0.1);
  const auto run = [&](const models::Conditioning& positive) {
    Guidance guidance(prepare_conditioning(positive, {entry(2)}, shape, kModel, text_only), shape, toy_network,
                      {.cfg = 4});
    return guidance.denoised(x, 3);
  };
  EXPECT_EQ(testing::max_difference(run({entry(1), timed(entry(3), 0.5, 0.5)}), run({entry(1)})), 0);
}

TEST(Guidance, ALevelAtTheVeryBorderOfATimeRangeBelongsToIt) {
  const auto active = [](double start, double end, float sigma) {
    models::ConditioningEntry e = entry(1);
    e.start_percent = start;
    e.end_percent = end;
    return prepare_conditioning({e}, {}, Shape{1, 8, 8, 4}, kModel, text_only).positive[0].active(sigma);
  };
  const std::vector<float> twenty = sampling::schedule(kModel, "sgm_uniform", 20),
                           ten = sampling::schedule(kModel, "sgm_uniform", 10);
  EXPECT_TRUE(active(0, 0.65, twenty[13]));
  EXPECT_FALSE(active(0, 0.65, twenty[14]));
  EXPECT_TRUE(active(0.6, 1, ten[6]));
  EXPECT_FALSE(active(0.6, 1, ten[5]));
}

// An IP-Adapter gives chunks 0 its image tokens and chunks 1 those of no image: PerpNegGuider's neutral list counts as
// unconditional, that of the older PerpNeg node, evaluated by itself, as conditional.
TEST(Guidance, TheThirdListIsUnconditionalInABatchAndConditionalAlone) {
  using Sides = std::vector<std::vector<int>>;
  const Shape shape{1, 8, 8, 4};
  const Tensor x = latent_wave(1, 8, 8, 0.7, 0.1);
  const auto run = [&](bool alone, Sides& sides) {
    const models::Network network = [&](const models::NetworkBatch& batch) {
      sides.push_back(batch.cond_or_uncond);
      return toy_network(batch);
    };
    Guidance guidance(prepare_conditioning({entry(1)}, {entry(2)}, shape, kModel, text_only, {entry(3)}), shape,
                      network, {.cfg = 4, .style = GuidanceStyle::kPerpNeg, .middle_alone = alone});
    return guidance.denoised(x, 3);
  };
  Sides together, alone;
  EXPECT_LT(testing::relative_error(run(false, together), run(true, alone)), 1e-6);
  EXPECT_EQ(together, (Sides{{1, 1, 0}}));
  EXPECT_EQ(alone, (Sides{{1, 0}, {0}}));
}

TEST(Guidance, RefusesAreasOutsideTheLatent) {
  const Shape shape{1, 8, 8, 4};
  for (const models::Area& area :
       {models::Area{4, 4, 8, 0}, models::Area{4, 4, 0, 9}, models::Area{0, 4, 0, 0}, models::Area{4, 4, -1, 0},
        models::Area{4, 4, 1e300, 0}, models::Area{NAN, 4, 0, 0}}) {
    EXPECT_THROW(prepare_conditioning({with_area(entry(1), area)}, {}, shape, kModel, text_only), Error);
  }
  EXPECT_THROW(
      prepare_conditioning({with_mask(entry(1), Tensor::zeros(Shape{1, 1, 4, 4}))}, {}, shape, kModel, text_only),
      Error);
}

KSampleRequest toy_request() {
  KSampleRequest request;
  request.model.net = std::make_shared<const ToyModel>();
  request.model.sampling = request.model.net->sampling();
  request.positive = {entry(1)};
  request.negative = {entry(2)};
  request.latent = latent_wave(1, 8, 10, 0.33, 0.2);
  request.seed = 5;
  request.steps = 4;
  request.cfg = 3;
  return request;
}

Tensor run_toy(const KSampleRequest& request) { return ksample(request); }

TEST(KSample, RunsMatchTheReference) {
  const auto expected = reference();
  KSampleRequest request = toy_request();
  request.sampler = "euler_ancestral";
  expect_fingerprint(run_toy(request), expected["run"]["result"], "run");

  request.noise_mask = wave(Shape{1, 32, 40}, 0.05, 0);
  for (float& v : request.noise_mask.values()) v = v > 0.2f ? 1.0f : 0.0f;
  request.sampler = "euler";
  request.scheduler = "karras";
  request.denoise = 0.7;
  expect_fingerprint(run_toy(request), expected["run_mask"]["result"], "run_mask");
  request.sampler = "ddim";
  expect_fingerprint(run_toy(request), expected["run_mask_ddim"]["result"], "run_mask_ddim");

  request.sampler = "heun";
  request.scheduler = "normal";
  request.denoise = 1;
  request.steps = 3;
  request.cfg = 1;
  request.seed = (uint64_t{1} << 40) + 1;
  expect_fingerprint(run_toy(request), expected["run_mask_heun"]["result"], "run_mask_heun");
}

TEST(KSample, LeavesTheLatentWhereThereIsNothingToDo) {
  KSampleRequest request = toy_request();
  request.denoise = 0;
  EXPECT_EQ(run_toy(request).raw(), request.latent.raw());
  request.denoise = 1;
  request.start_step = 4;
  EXPECT_EQ(run_toy(request).raw(), request.latent.raw());
}

TEST(KSample, TwoStagesEqualOneRun) {
  // Steps 0..2 leave noise behind, steps 2..4 take it from there.
  KSampleRequest whole = toy_request(), first = whole, second = whole;
  whole.scheduler = first.scheduler = second.scheduler = "karras";
  first.last_step = 2;
  first.start_step = 0;
  second.latent = run_toy(first);
  second.disable_noise = true;
  second.start_step = 2;
  second.last_step = 10000;
  EXPECT_LT(testing::relative_error(run_toy(second), run_toy(whole)), 1e-5);
  first.force_full_denoise = true;
  EXPECT_GT(testing::relative_error(run_toy(first), second.latent), 0.01);
}

TEST(KSample, TakesLevelsOfOnesOwn) {
  KSampleRequest named = toy_request(), listed = named;
  listed.sigmas = {14.614640235900879f, 2.918307065963745f, 0.9323579668998718f, 0.029167160391807556f, 0};
  EXPECT_LT(testing::relative_error(run_toy(listed), run_toy(named)), 1e-6);
  // A level that follows itself is no step; levels may also rise.
  KSampleRequest repeated = named, rising = named;
  listed.sigmas = {1, 0};
  repeated.sigmas = {1, 1, 0};
  EXPECT_EQ(testing::max_difference(run_toy(repeated), run_toy(listed)), 0.0);
  rising.sigmas = {0.1f, 1, 5};
  rising.disable_noise = true;
  EXPECT_TRUE(std::isfinite(testing::max_difference(run_toy(rising), named.latent)));
  for (const std::vector<float>& bad : {std::vector<float>{1, 2, 0}, {1, NAN, 0}, {INFINITY, 0}, {1, -1}, {1, 0, 2}}) {
    listed.sigmas = bad;
    EXPECT_THROW(run_toy(listed), Error);
  }
}

TEST(KSample, EtaSetsHowMuchNoiseIsFresh) {
  KSampleRequest euler = toy_request(), ancestral = euler;
  ancestral.sampler = "euler_ancestral";
  ancestral.knobs.eta = 0.0f;
  EXPECT_LT(testing::relative_error(run_toy(ancestral), run_toy(euler)), 1e-6);
  ancestral.knobs.eta = 1.0f;
  EXPECT_GT(testing::relative_error(run_toy(ancestral), run_toy(euler)), 0.01);
}

TEST(KSample, MasksKeepThePictureOutside) {
  KSampleRequest request = toy_request();
  request.noise_mask = Tensor::zeros(Shape{1, 8, 10});
  for (int64_t i = 0; i < 40; ++i) request.noise_mask.f32()[i] = 1;
  const Tensor result = run_toy(request);
  EXPECT_LT(testing::max_difference(result.slice(1, 4, 4), request.latent.slice(1, 4, 4)), 1e-5);
  EXPECT_GT(testing::max_difference(result.slice(1, 0, 4), request.latent.slice(1, 0, 4)), 0.1);
}

TEST(KSample, ABatchEqualsRunsWithItsNoise) {
  KSampleRequest batch = toy_request();
  batch.latent = Tensor::zeros(Shape{3, 8, 8, 4});
  const Tensor together = run_toy(batch);
  for (int64_t i = 0; i < 3; ++i) {
    KSampleRequest one = batch;
    one.latent = Tensor::zeros(Shape{1, 8, 8, 4});
    one.batch_index = {i};
    EXPECT_LT(testing::relative_error(run_toy(one), together.slice(0, i, 1)), 1e-6) << i;
  }
}

// Half of the steps double the latent: 8x10 becomes 12x15, then 16x20, and stays.
KSampleRequest growing_request() {
  KSampleRequest request = toy_request();
  request.sampler = "lcm_upscale";
  request.knobs.total_upscale = 2.0;
  request.knobs.resize = [](const Tensor& latent, int64_t height, int64_t width) {
    return image::resize(latent, {width, height}, image::ResizeMethod::kNearest);
  };
  return request;
}

TEST(KSample, ALatentGrowsWhileItIsSampled) {
  KSampleRequest request = growing_request();
  std::vector<std::pair<int64_t, int64_t>> sizes;
  request.on_step = [&](const sampling::SamplerProgress& p) { sizes.emplace_back(p.x.dim(1), p.x.dim(2)); };
  const Tensor out = run_toy(request);
  EXPECT_EQ(sizes, (std::vector<std::pair<int64_t, int64_t>>{{8, 10}, {12, 15}, {16, 20}, {16, 20}}));

  // The same by hand: the guided prediction, its next size, and noise that goes on where the first noise ended.
  const sampling::ModelSampling& levels = *request.model.sampling;
  const std::vector<float> sigmas = sampling::sampling_sigmas(levels, {.scheduler = "normal", .steps = 4});
  sampling::TorchGenerator rng(request.seed);
  Tensor x = levels.add_noise(request.model.latents().to_model(request.latent),
                              sampling::prepare_noise(rng, request.latent.shape(), request.seed), sigmas[0],
                              levels.is_pure_noise(sigmas[0]));
  const std::vector<std::pair<int64_t, int64_t>> next{{12, 15}, {16, 20}, {16, 20}, {16, 20}};
  for (size_t i = 0; i + 1 < sigmas.size(); ++i) {
    Guidance guidance(prepare_conditioning(request.positive, request.negative, x.shape(), levels, text_only), x.shape(),
                      toy_network, {.cfg = request.cfg});
    x = guidance.denoised(x, sigmas[i]);
    if (i < 2) x = image::resize(x, {next[i].second, next[i].first}, image::ResizeMethod::kNearest);
    if (sigmas[i + 1] == 0) continue;
    const Tensor noise = rng.randn(x.shape());
    for (int64_t k = 0; k < x.numel(); ++k) x.f32()[k] += sigmas[i + 1] * noise.f32()[k];
  }
  EXPECT_LT(testing::relative_error(out, request.model.latents().from_model(x)), 1e-5);

  request.knobs.upscale_steps = 0;
  EXPECT_EQ(run_toy(request).shape(), request.latent.shape()) << "in no step at all";
}

TEST(KSample, AGrowingLatentHasNoParts) {
  KSampleRequest masked = growing_request(), placed = growing_request();
  masked.noise_mask = Tensor::full(Shape{1, 8, 10}, 1.0f);
  placed.positive.push_back(with_area(entry(3), {4, 4, 0, 0}));
  EXPECT_THROW(run_toy(masked), Error);
  EXPECT_THROW(run_toy(placed), Error);
}

TEST(KSample, ReportsFaultsInPlainWords) {
  KSampleRequest request = toy_request();
  request.scheduler = "sunday";
  EXPECT_THROW(run_toy(request), Error);
  request = toy_request();
  request.cfg = NAN;
  EXPECT_THROW(run_toy(request), Error);
  request = toy_request();
  request.latent = Tensor();
  EXPECT_THROW(run_toy(request), Error);
  request = toy_request();
  request.cancel.cancel();
  try {
    run_toy(request);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kCancelled);
  }
}

}  // namespace
}  // namespace easel::guidance
