#include "models/vae/tiles.h"

#include <gtest/gtest.h>

#include "models_support.h"
#include "ops/elementwise.h"

namespace easel::models {
namespace {

using testing::relative_error;

// A function that treats every pixel alike gives the same in tiles, whatever their places.
TEST(Tiles, PointwiseFunctionsComeOutUnchanged) {
  const Tensor x = made_up({2, 13, 21, 3}, 1);
  for (const auto& [h, w, overlap] : {std::tuple{6, 8, 3}, {13, 21, 2}, {64, 64, 16}, {5, 30, 4}}) {
    const Tiling tiling{h, w, overlap, 2.0, 3};
    int done = 0;
    const Tensor out = map_tiles(
        x, tiling, [](const Tensor& t) { return ops::affine(ops::upsample_nearest2x(t), 2.0f, 1.0f); },
        [&] { ++done; });
    EXPECT_LE(relative_error(out, ops::affine(ops::upsample_nearest2x(x), 2.0f, 1.0f)), 1e-6) << h << "x" << w;
    EXPECT_EQ(done, 2 * tile_count(tiling, 13, 21));
  }
}

// Two tiles of constants 1 and 2 that share two of four pixels: weights 1/2 and 1 at the edges of each.
TEST(Tiles, RampsAreWeightedMeans) {
  const Tensor x = Tensor::of(
      {1, 8, 4, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
  float next = 0;
  const Tensor out =
      map_tiles(x, {8, 4, 2, 1.0, 1}, [&next](const Tensor& t) { return Tensor::full(t.shape(), ++next); });
  // Tiles begin at columns 0 and 2 and, where the reference begins them too, at row 6.
  ASSERT_EQ(next, 4);
  EXPECT_NEAR(out.f32()[0], 1.0, 1e-6);
  EXPECT_GT(out.f32()[2], 1.0);
  EXPECT_LT(out.f32()[2], 2.0);
}

TEST(Tiles, ImpossibleTilingsAreRefused) {
  const auto same = [](const Tensor& t) { return t; };
  EXPECT_THROW(map_tiles(made_up({1, 8, 8, 1}, 1), {4, 4, 4, 1.0, 1}, same), Error);
  EXPECT_THROW(map_tiles(made_up({1, 8, 8, 1}, 1), {4, 4, -1, 1.0, 1}, same), Error);
}

}  // namespace
}  // namespace easel::models
