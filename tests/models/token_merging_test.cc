#include "models/unet/token_merging.h"

#include <gtest/gtest.h>

#include "models_support.h"
#include "numbers_support.h"
#include "ops/attention.h"
#include "sampling/random/torch_random.h"

namespace easel::models {
namespace {

using testing::max_difference;

constexpr int64_t kHeight = 5, kWidth = 6, kHeads = 2;

Tensor cubes(double phase, const Shape& shape = {2, kHeight* kWidth, 8}) {
  Tensor t = sines(shape, phase);
  for (float& v : t.values()) v = v * v * v;
  return t;
}

struct TokenMerging : ::testing::Test {
  Tensor rows = cubes(1), q = cubes(2), k = cubes(3), v = cubes(4);
  AttentionSite site;
  StepInfo step;
  sampling::TorchGenerator random{7};

  void SetUp() override {
    site.heads = kHeads;
    step.latent_height = kHeight;
    step.latent_width = kWidth;
    step.random = &random;
  }
  Tensor merged(double ratio) {
    random.manual_seed(7);
    return merge_tokens(ratio)->replace_self_attention(site, step, {q, k, v, rows});
  }
};

// Expected values: values/merging.py.
TEST_F(TokenMerging, SharesTheResultsOfSimilarTokens) {
  expect_summary(merged(0.4), {{-0.0177320f, -0.0846155f, 0.1367077f, -0.0438899f}, 0.0640763}, 1e-6);
  // Tokens 2, 11, 20 and 29 are one group.
  const Tensor out = merged(0.4);
  for (const int64_t other : {11, 20, 29})
    EXPECT_EQ(max_difference(contiguous(out.slice(0, 0, 1).slice(1, 2, 1)),
                             contiguous(out.slice(0, 0, 1).slice(1, other, 1))),
              0.0);
}

TEST_F(TokenMerging, MergesNoMoreThanThereIs) {
  // With a ratio of 1 all but those that stay are merged.
  const Tensor all = merged(1.0);
  EXPECT_EQ(all.shape(), q.shape());
  EXPECT_GT(max_difference(all, merged(0.4)), 0.0);
  // As good as none: one token of thirty shares the result of another.
  const Tensor one = merged(1.0 / 30 + 1e-9), plain = ops::attention(q, k, v, kHeads);
  int64_t changed = 0;
  for (int64_t i = 0; i < kHeight * kWidth; ++i)
    changed += max_difference(contiguous(one.slice(0, 0, 1).slice(1, i, 1)),
                              contiguous(plain.slice(0, 0, 1).slice(1, i, 1))) > 1e-6;
  EXPECT_EQ(changed, 2);
}

TEST_F(TokenMerging, LeavesOtherMapsAlone) {
  EXPECT_FALSE(merged(0.0).defined());
  step.latent_height = 10;  // the map is of a coarser level
  EXPECT_FALSE(merged(0.4).defined());
  step.latent_height = 1;
  step.latent_width = kHeight * kWidth;
  EXPECT_FALSE(merged(0.4).defined());
}

// A flat picture has no direction to compare; nothing breaks.
TEST_F(TokenMerging, TakesTokensOfZeros) {
  rows = Tensor::zeros(rows.shape());
  EXPECT_EQ(merged(0.4).shape(), q.shape());
}

}  // namespace
}  // namespace easel::models
