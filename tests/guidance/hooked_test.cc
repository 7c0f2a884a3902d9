// Networks with hooks: when they are made, and when they are let go.
#include "guidance/hooked.h"

#include <gtest/gtest.h>

#include "guidance/ksample.h"
#include "models/diffusion_model.h"
#include "ops/arithmetic/formula.h"
#include "sampling/golden.h"

namespace easel::guidance {
namespace {

const auto kLevels =
    std::make_shared<const sampling::DiscreteSampling>(testing::kPublishedBetas, sampling::Prediction::kEps);
const Shape kLatent{1, 8, 8, 4};
constexpr size_t kBytes = 100;  // of a patched network, and of evaluating one entry

class Patch final : public nn::WeightPatch {
 public:
  StoredTensor apply(const std::string&, const StoredTensor& weight) const override { return weight; }
  std::string key() const override { return "patch"; }
};

struct Seen {
  int made = 0, alive = 0;        // networks
  std::vector<double> strengths;  // that hooks were asked for
  std::vector<size_t> batches;    // entries in each
};

class Hook final : public models::HookSource {
 public:
  explicit Hook(Seen& seen) : seen_(seen) {}
  nn::WeightPatchPtr for_model(const models::ModelHandle&, double strength) const override {
    seen_.strengths.push_back(strength);
    return std::make_shared<const Patch>();
  }
  models::TextEncoder::TowerPatches for_text(const models::TextEncoder&, double) const override { return {}; }

 private:
  Seen& seen_;
};

// Its networks predict a part of x, and are counted.
class Model final : public models::DiffusionModel {
 public:
  Model(Seen& seen, memory::Residency* residency, bool patched = false)
      : seen_(seen), residency_(residency), patched_(patched) {}

  const models::Family& family() const override {
    static const models::Family toy{.id = "toy", .name = "Toy", .latents = &models::default_latents()};
    return toy;
  }
  sampling::ModelSamplingPtr sampling() const override { return kLevels; }
  const models::ConditioningTaken& takes() const override { return takes_; }
  models::NetworkInputs inputs(const models::ConditioningEntry& entry, bool,
                               const models::InputContext&) const override {
    return {.context = entry.cond, .y = {}, .concat = {}};
  }
  models::Network network(const models::NetworkRun&) const override {
    ++seen_.made;
    ++seen_.alive;
    const std::shared_ptr<int> life(&seen_.alive, [](int* alive) { --*alive; });
    const auto weights = std::make_shared<const memory::Residency::Hold>(
        residency_ && patched_ ? residency_->hold(kBytes, "weights") : memory::Residency::Hold());
    return [&seen = seen_, life, weights](const models::NetworkBatch& batch) {
      seen.batches.push_back(batch.members.size());
      return ops::map([](auto v) { return v * 0.5f; }, batch.x);
    };
  }
  const memory::ResidentBase& weights() const override { throw Error(Fault::kInternal, "it has none"); }
  size_t run_bytes(int64_t, int64_t, int64_t) const override { return kBytes; }
  memory::Residency* residency() const override { return residency_; }
  std::shared_ptr<const models::DiffusionModel> patched(nn::WeightPatchPtr) const override {
    return std::make_shared<const Model>(seen_, residency_, true);
  }

 private:
  Seen& seen_;
  memory::Residency* residency_;
  bool patched_;
  models::ConditioningTaken takes_;
};

class Hooked : public ::testing::Test {
 protected:
  models::ModelHandle model(memory::Residency* residency = nullptr) {
    return {.file = "toy", .net = std::make_shared<const Model>(seen_, residency), .sampling = kLevels, .patches = {}};
  }
  std::shared_ptr<HookedNetworks> networks() {
    const models::NetworkRun run{.sampling = kLevels, .patches = {}, .cancel = {}};
    return std::make_shared<HookedNetworks>(model(), run, kLevels->sigma_max());
  }
  models::HookGroupPtr group(std::shared_ptr<const models::HookKeyframes> keyframes = nullptr) {
    return models::HookGroup::of({.source = std::make_shared<const Hook>(seen_), .keyframes = std::move(keyframes)});
  }
  static models::ConditioningEntry entry(models::HookGroupPtr hooks) {
    models::ConditioningEntry out;
    out.cond = Tensor::full({1, 6, 3}, 0.5f);
    out.hooks = std::move(hooks);
    return out;
  }
  static Guidance guidance(const models::Conditioning& positive, const models::Conditioning& negative,
                           const models::Conditioning& middle, const GuidanceOptions& options) {
    const auto inputs = [](const models::ConditioningEntry& e, bool) {
      return models::NetworkInputs{.context = e.cond, .y = {}, .concat = {}};
    };
    return Guidance(prepare_conditioning(positive, negative, kLatent, *kLevels, inputs, middle), kLatent, {}, options);
  }
  static float level(double percent) { return static_cast<float>(kLevels->percent_to_sigma(percent)); }

  Seen seen_;
};

// The third list is evaluated by itself, after the others, in each step.
TEST_F(Hooked, NetworksOutliveAStepThatIsEvaluatedInParts) {
  Guidance run = guidance({entry(group())}, {entry(nullptr)}, {entry(group())},
                          {.style = GuidanceStyle::kPerpNeg, .middle_alone = true, .hooked = networks()});
  const Tensor x = Tensor::full(kLatent, 1.0f);
  for (const double at : {0.25, 0.5, 0.75}) run.denoised(x, level(at));
  EXPECT_EQ(seen_.batches.size(), 9u);
  EXPECT_EQ(seen_.made, 3);
  EXPECT_EQ(seen_.alive, 3);
}

TEST_F(Hooked, NetworksGoWhenNoEntryNeedsThem) {
  models::ConditioningEntry first = entry(group());
  first.start_percent = 0.0;
  first.end_percent = 0.5;
  Guidance run = guidance({first, entry(nullptr)}, {entry(nullptr)}, {}, {.cfg = 5, .hooked = networks()});
  const Tensor x = Tensor::full(kLatent, 1.0f);
  run.denoised(x, level(0.25));
  EXPECT_EQ(seen_.alive, 2);
  run.denoised(x, level(0.75));
  EXPECT_EQ(seen_.alive, 1);
  EXPECT_EQ(seen_.made, 2);
}

TEST_F(Hooked, NetworksAreMadeAnewWhereAStrengthChanges) {
  const auto keyframes = std::make_shared<const models::HookKeyframes>(
      models::HookKeyframes().with({.strength = 1}).with({.strength = 0.5, .start_percent = 0.5}));
  Guidance run = guidance({entry(group(keyframes))}, {entry(nullptr)}, {}, {.cfg = 5, .hooked = networks()});
  const Tensor x = Tensor::full(kLatent, 1.0f);
  for (const double at : {0.1, 0.3, 0.6, 0.8}) run.denoised(x, level(at));
  EXPECT_EQ(seen_.strengths, (std::vector<double>{1, 0.5}));
  EXPECT_EQ(seen_.made, 3);
  EXPECT_EQ(seen_.alive, 2);
}

// Otherwise a keyframe would be held for one step less than it guarantees.
TEST_F(Hooked, LoadingIsNoStep) {
  const auto keyframes = std::make_shared<const models::HookKeyframes>(
      models::HookKeyframes()
          .with({.strength = 1})
          .with({.strength = 0.5, .start_percent = 0.2, .guarantee_steps = 2})
          .with({.strength = 0.25, .start_percent = 0.3}));
  const auto hooks = group(keyframes);
  const auto hooked = networks();
  models::NetworkBatch batch;
  batch.x = Tensor::full(kLatent, 1.0f);
  hooked->load(level(0.25), {hooks.get()});
  EXPECT_EQ(seen_.made, 1);
  for (const double at : {0.4, 0.5}) {
    hooked->at(level(at), {hooks.get()}, {hooks.get()});
    hooked->evaluate(hooks.get(), batch);
  }
  EXPECT_EQ(seen_.strengths, (std::vector<double>{0.5}));
  hooked->at(level(0.6), {hooks.get()}, {hooks.get()});
  hooked->evaluate(hooks.get(), batch);
  EXPECT_EQ(seen_.strengths, (std::vector<double>{0.5, 0.25}));
}

// There is room for the weights and one entry, or for two entries without the weights.
TEST_F(Hooked, TheRoomForBatchesIsThatBesideTheirWeights) {
  memory::Residency residency(2 * kBytes + kBytes / 2);
  const auto hooks = group();
  KSampleRequest request;
  request.model = model(&residency);
  request.positive = {entry(hooks)};
  request.negative = {entry(hooks)};
  request.latent = Tensor::zeros(kLatent);
  request.steps = 1;
  ksample(request);
  EXPECT_EQ(seen_.batches, (std::vector<size_t>{1, 1}));
  seen_.batches.clear();
  residency.set_budget(4 * kBytes);
  ksample(request);
  EXPECT_EQ(seen_.batches, (std::vector<size_t>{2}));
}

}  // namespace
}  // namespace easel::guidance
