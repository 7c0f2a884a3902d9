#include "models/unet/hyper_tile.h"

#include <gtest/gtest.h>

#include "models_support.h"
#include "numbers_support.h"
#include "ops/attention.h"

namespace easel::models {
namespace {

using testing::max_difference;
using Sides = std::pair<int64_t, int64_t>;

// Expected values: values/tiles.py.
TEST(HyperTile, DrawsAsPythonDoes) {
  EXPECT_EQ(tiled_sides(64, 1.0), Sides(8, 8));
  EXPECT_EQ(tiled_sides(96, 1.5), Sides(12, 8));
  EXPECT_EQ(tiled_sides(35, 7.0 / 5), Sides(7, 5));
  EXPECT_EQ(tiled_sides(30, 9.0 / 7), Sides(6, 5));
  EXPECT_EQ(tiled_sides(77, 1.3), Sides(7, 11));
  const auto draws = [](int64_t size, int64_t least, int64_t options) {
    std::vector<int64_t> out;
    for (uint64_t seed = 1; seed < 13; ++seed) out.push_back(tiles_along(size, least, options, seed));
    return out;
  };
  EXPECT_EQ(draws(96, 16, 6), (std::vector<int64_t>{4, 6, 4, 4, 1, 1, 3, 4, 2, 1, 2, 2}));
  EXPECT_EQ(draws(64, 4, 3), (std::vector<int64_t>{16, 16, 16, 16, 4, 4, 8, 16, 8, 4, 8, 8}));
  EXPECT_EQ(draws(13, 4, 2), std::vector<int64_t>(12, 1));
  EXPECT_EQ(draws(100, 8, 128), (std::vector<int64_t>{5, 10, 5, 5, 1, 1, 4, 5, 2, 1, 2, 2}));
}

TEST(HyperTile, AttendsInTiles) {
  UNetConfig config;
  config.model_channels = 8;
  const ModelPatchPtr patch = hyper_tile({.tile_size = 32, .swap_size = 2, .max_depth = 0}, config);
  const Tensor q = sines({2, 96, 8}, 1), k = sines({2, 96, 8}, 2), v = sines({2, 96, 8}, 3);
  AttentionSite site;
  site.heads = 2;
  StepInfo step;
  step.latent_height = 8;
  step.latent_width = 12;
  const auto attend = [&](const GuidanceStep& run) {
    return run.hook()->replace_self_attention(site, step, {q, k, v, q});
  };
  const auto run = patch->guidance();
  const Tensor first = attend(*run);
  expect_summary(first, {{0.4124325f, 0.2589135f, -0.3387492f, 0.1201562f}, 0.2406862}, 1e-6);
  // Every run counts from one again.
  attend(*run);
  EXPECT_EQ(max_difference(attend(*patch->guidance()), first), 0.0);

  // Maps of other widths are left alone, and so are those that are smaller than a tile.
  const Tensor wide = sines({2, 96, 16}, 1);
  EXPECT_FALSE(run->hook()->replace_self_attention(site, step, {wide, wide, wide, wide}).defined());
  const auto large = hyper_tile({.tile_size = 512}, config)->guidance();
  EXPECT_FALSE(attend(*large).defined());
  // Slices of one product have gaps between their rows.
  const Tensor all = sines({2, 96, 24}, 4);
  const Tensor aq = all.slice(2, 0, 8), ak = all.slice(2, 8, 8), av = all.slice(2, 16, 8);
  const Tensor gaps = run->hook()->replace_self_attention(site, step, {aq, ak, av, aq});
  const auto again = patch->guidance();
  attend(*again);
  attend(*again);
  const Tensor cq = contiguous(aq), ck = contiguous(ak), cv = contiguous(av);
  EXPECT_EQ(max_difference(gaps, again->hook()->replace_self_attention(site, step, {cq, ck, cv, cq})), 0.0);
}

TEST(HyperTile, TilesOfDeeperLevelsCanBeLarger) {
  UNetConfig config;
  config.model_channels = 8;
  const Tensor x = sines({1, 64, 16}, 1);
  AttentionSite site;
  site.heads = 2;
  StepInfo step;
  step.latent_height = step.latent_width = 8;
  const auto tiled = [&](bool scale, int64_t depth) {
    const auto run =
        hyper_tile({.tile_size = 32, .swap_size = 1, .max_depth = depth, .scale_depth = scale}, config)->guidance();
    return run->hook()->replace_self_attention(site, step, {x, x, x, x});
  };
  EXPECT_FALSE(tiled(false, 0).defined());  // not a width of the finest level
  EXPECT_TRUE(tiled(false, 1).defined());   // four tiles of 4 x 4
  EXPECT_FALSE(tiled(true, 1).defined());   // one of 8 x 8
}

}  // namespace
}  // namespace easel::models
