#include "models/patch/step_reuse.h"

#include <gtest/gtest.h>

#include "models/unet/unet_network.h"
#include "models_support.h"
#include "numbers_support.h"
#include "ops/arithmetic/formula.h"
#include "sampling/golden.h"
#include "sampling/schedule/discrete_sampling.h"

namespace easel::models {
namespace {

const sampling::DiscreteSampling kLevels(testing::kPublishedBetas, sampling::Prediction::kEps);
const StepReuse kOptions{.threshold = 0.12, .start_percent = 0.15, .end_percent = 0.95};
constexpr int kSteps = 20, kFirst = 4, kLast = 17;

// Levels of which those of steps 4 to 16 are within the span of the options.
float level(int step) {
  const auto start = static_cast<float>(kLevels.percent_to_sigma(0.15)),
             end = static_cast<float>(kLevels.percent_to_sigma(0.95));
  if (step < kFirst) return start * 1.5f;
  return step < kLast ? (start + end) / 2 : end;
}

Tensor inputs(int step) {
  const Shape one{1, 12, 20, 4};
  return ops::concat({sines(one, 0.02 * step), sines(one, 0.02 * step + 1)}, 0);
}

// A toy network.
Tensor output(const Tensor& x, int step) {
  const Tensor more = Tensor::of({2, 1, 1, 1}, {0.05f * static_cast<float>(step), 0.1f * static_cast<float>(step)});
  return ops::map([](auto v, auto m) { return 0.3f * v + m; }, x, more);
}

double sum(const Tensor& t) {
  double out = 0;
  for (const float v : t.values()) out += static_cast<double>(v);
  return out;
}

// Expected values: values/reuse.py.
TEST(StepReuse, LazyCacheLeavesOutWhereLittleChanges) {
  const auto run = reuse_guided_steps(kOptions)->guidance();
  run->begin(kLevels);
  std::vector<int> left_out;
  std::vector<double> sums;
  for (int k = 0; k < kSteps; ++k) {
    const Tensor x = inputs(k);
    Tensor out = run->instead(x, level(k));
    if (out.defined()) {
      left_out.push_back(k);
    } else {
      out = output(x, k);
      run->was(x, level(k), out);
    }
    sums.push_back(sum(out));
  }
  EXPECT_EQ(left_out, (std::vector<int>{10, 12, 14, 16}));
  EXPECT_NEAR(sums[9], 1295.9630, 1e-2);
  EXPECT_NEAR(sums[10], 1295.9494, 1e-2);
  EXPECT_NEAR(sums[16], 2159.9257, 1e-2);
  EXPECT_NEAR(sums[19], 2735.9233, 1e-2);
}

TEST(StepReuse, EasyCacheGoesByTheFirstEntryOfABatch) {
  const auto run = reuse_network_steps(kOptions)->network(kLevels);
  std::vector<int> left_out;
  std::vector<double> sums;
  NetworkBatch batch;
  batch.members = {5, 3};
  for (int k = 0; k < kSteps; ++k) {
    const Tensor x = inputs(k);
    batch.sigma = level(k);
    batch.evaluation = k;
    Tensor out = run->instead(batch, x);
    if (out.defined()) {
      left_out.push_back(k);
    } else {
      out = output(x, k);
      run->was(batch, x, out);
    }
    sums.push_back(sum(out));
  }
  EXPECT_EQ(left_out, (std::vector<int>{7, 9, 11, 13, 15}));
  EXPECT_NEAR(sums[7], 863.9616, 1e-2);
  EXPECT_NEAR(sums[8], 1151.9671, 1e-2);
  EXPECT_NEAR(sums[15], 2015.9296, 1e-2);
}

// In batches of one entry each, the others follow the one that decides, and only those that have been computed before.
TEST(StepReuse, OtherBatchesFollowTheOneThatDecides) {
  const auto run =
      reuse_network_steps({.threshold = 3.0, .start_percent = 0.15, .end_percent = 0.95})->network(kLevels);
  NetworkBatch batch;
  const auto skipped = [&](int member, int step) {
    batch.members = {member};
    batch.sigma = level(kFirst);
    batch.evaluation = step;
    const Tensor x = contiguous(inputs(step).slice(0, member, 1));
    if (run->instead(batch, x).defined()) return true;
    run->was(batch, x, contiguous(output(inputs(step), step).slice(0, member, 1)));
    return false;
  };
  for (int k = 0; k < 2; ++k) {
    EXPECT_FALSE(skipped(0, k));
    EXPECT_FALSE(skipped(1, k));
  }
  EXPECT_TRUE(skipped(0, 2));
  EXPECT_TRUE(skipped(1, 2));
  // Of another size: everything is computed again.
  batch.members = {0};
  batch.evaluation = 3;
  EXPECT_FALSE(run->instead(batch, Tensor::zeros({1, 8, 8, 4})).defined());
}

// A run whose UNet is asked in some steps only: the prediction is made of what is estimated in its place.
TEST(StepReuse, SparesTheUNet) {
  const auto unet = std::make_shared<const UNet>(
      tiny_weights("checkpoints/v1-5-pruned-emaonly.safetensors", DType::kF32)["model"]["diffusion_model"]);
  const auto levels = std::make_shared<const sampling::DiscreteSampling>(kLevels);
  UNetNetwork plain(unet, {.sampling = levels, .patches = {}, .cancel = {}});
  UNetNetwork reused(unet, {.sampling = levels, .patches = {reuse_network_steps({.threshold = 3.0})}, .cancel = {}});
  NetworkBatch batch;
  batch.inputs.context = made_up({1, 5, unet->config().context_dim}, 2);
  batch.members = {0};
  batch.cond_or_uncond = {0};
  Tensor last_difference;
  for (int k = 0; k < 4; ++k) {
    batch.x = sines({1, 8, 8, 4}, 0.01 * k);
    batch.sigma = level(kFirst) - 0.01f * static_cast<float>(k);
    batch.evaluation = k;
    const Tensor full = plain(batch), out = reused(batch);
    if (k < 2) {
      EXPECT_EQ(testing::max_difference(out, full), 0.0) << k;
      // denoised = x - sigma * output, and output = input + difference.
      const Tensor input = kLevels.network_input(batch.x, batch.sigma);
      last_difference =
          ops::map([s = batch.sigma](auto x, auto d, auto in) { return (x - d) / s - in; }, batch.x, out, input);
      continue;
    }
    const Tensor expected = ops::map([s = batch.sigma](auto x, auto in, auto d) { return x - s * (in + d); }, batch.x,
                                     kLevels.network_input(batch.x, batch.sigma), last_difference);
    EXPECT_LE(testing::max_difference(out, expected), 1e-4) << k;
    EXPECT_GT(testing::max_difference(out, full), 0.0) << k;
  }
}

}  // namespace
}  // namespace easel::models
