// Pictures in the style of the first of their batch, against means and deviations written out in f64, and by what must
// not change.
#include "models/unet/style_aligned.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "models_support.h"
#include "numbers_support.h"
#include "ops/elementwise.h"
#include "unet_support.h"

namespace easel::models {
namespace {

constexpr int64_t kTokens = 5, kWidth = 3;

double at(const Tensor& t, int64_t n, int64_t token, int64_t c) { return t.f32()[(n * t.dim(1) + token) * kWidth + c]; }

struct Statistics {
  double mean = 0, deviation = 0;
};
Statistics of(const Tensor& t, int64_t n, int64_t c) {
  Statistics s;
  for (int64_t i = 0; i < kTokens; ++i) s.mean += at(t, n, i, c) / kTokens;
  double squares = 0;
  for (int64_t i = 0; i < kTokens; ++i) squares += std::pow(at(t, n, i, c) - s.mean, 2);
  s.deviation = std::sqrt(squares / (kTokens - 1) + 1e-5);
  return s;
}

TEST(StyleAligned, RowsGetTheFirstOnesMeansAndDeviationsAndAreFollowedByIt) {
  // Two chunks of a batch of three.
  const Tensor given_q = sines({6, kTokens, kWidth}, 1), given_k = sines({6, kTokens, kWidth}, 2),
               given_v = sines({6, kTokens, kWidth}, 3);
  StepInfo step;
  step.cond_or_uncond = {1, 0};
  Tensor q = given_q, k = given_k, v = given_v;
  style_aligned({.scale = 0.5f})->align_rows(step, q, k, v);
  ASSERT_EQ(q.shape(), given_q.shape());
  ASSERT_EQ(k.shape(), (Shape{6, 2 * kTokens, kWidth}));
  const auto expected = [](const Tensor& t, int64_t n, int64_t token, int64_t c) {
    const Statistics own = of(t, n, c), first = of(t, n / 3 * 3, c);
    return (at(t, n, token, c) - own.mean) / own.deviation * first.deviation + first.mean;
  };
  for (int64_t n = 0; n < 6; ++n) {
    const int64_t first = n / 3 * 3;
    for (int64_t i = 0; i < kTokens; ++i)
      for (int64_t c = 0; c < kWidth; ++c) {
        ASSERT_NEAR(at(q, n, i, c), expected(given_q, n, i, c), 2e-6);
        ASSERT_NEAR(at(k, n, i, c), expected(given_k, n, i, c), 2e-6);
        ASSERT_NEAR(at(k, n, kTokens + i, c), (n == first ? 1 : 0.5) * expected(given_k, first, i, c), 2e-6);
        ASSERT_EQ(at(v, n, i, c), at(given_v, n, i, c)) << "values keep their own unless they are asked for";
        ASSERT_EQ(at(v, n, kTokens + i, c), at(given_v, first, i, c)) << "the scale is of keys only";
      }
  }
  EXPECT_FALSE(style_aligned({})->beside_in_norms(step, q).defined());
  const Tensor map = sines({6, 2, 2, kWidth}, 4),
               beside = style_aligned({.share_norms = true})->beside_in_norms(step, map);
  ASSERT_EQ(beside.shape(), map.shape());
  for (int64_t n = 0; n < 6; ++n)
    for (int64_t i = 0; i < 4 * kWidth; ++i)
      ASSERT_EQ(beside.f32()[n * 4 * kWidth + i], map.f32()[n / 3 * 3 * 4 * kWidth + i]);
}

// In a UNet the first picture sees itself twice, which changes nothing, and neither do pictures that are equal to it;
// others change.
TEST(StyleAligned, LeavesTheFirstPictureAsItIs) {
  const UNet unet(tiny_weights("checkpoints/v1-5-pruned-emaonly.safetensors", DType::kF32)["model"]["diffusion_model"]);
  const Tensor one = sines({1, 8, 8, 4}, 1), other = sines({1, 8, 8, 4}, 2);
  const Tensor context = sines({1, 77, unet.config().context_dim}, 3);
  const auto run = [&](const Tensor& second, std::vector<AttentionHookPtr> hooks) {
    UNetInputs in;
    in.x = ops::concat({one, second}, 0);
    in.timesteps = {500, 500};
    in.context = unet.project(context);
    in.hooks = hooks;
    in.step.cond_or_uncond = {0};
    return unet.forward(in);
  };
  const auto difference = [](const Tensor& a, const Tensor& b, int64_t n) {
    double most = 0;
    const int64_t size = a.numel() / 2;
    for (int64_t i = n * size; i < (n + 1) * size; ++i)
      most = std::max(most, static_cast<double>(std::fabs(a.f32()[i] - b.f32()[i])));
    return most;
  };
  const auto hook = style_aligned({.align_values = true, .share_norms = true});
  const Tensor plain = run(other, {}), aligned = run(other, {hook});
  EXPECT_LT(difference(plain, aligned, 0), 2e-5);
  EXPECT_GT(difference(plain, aligned, 1), 1e-2);
  const Tensor equal = run(one, {hook});
  EXPECT_LT(difference(run(one, {}), equal, 1), 2e-5);
  EXPECT_GT(difference(run(other, {style_aligned({.share_norms = false})}),
                       run(other, {style_aligned({.share_norms = true})}), 1),
            1e-3);
}

}  // namespace
}  // namespace easel::models
