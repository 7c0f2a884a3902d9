// Workgroups of any device that is taken (docs/vulkan.md: 128 threads at least) have no more threads and shared memory
// than it allows.
#include <bit>

#include "ops/reference.h"
#include "ops/vulkan/weights.h"

namespace easel::ops::testing {
namespace {

using vulkan::GpuDescription;
using vulkan::MatrixTile;

TEST(Limits, WorkgroupsHaveNoMoreThreadsAndSharedMemoryThanThereAre) {
  for (const uint32_t subgroup : {1u, 4u, 8u, 16u, 32u, 64u, 128u})
    for (const uint32_t threads : {128u, 192u, 256u, 512u, 1024u})
      for (const uint32_t shared : {16384u, 24576u, 32768u, 65536u}) {
        GpuDescription gpu;
        gpu.subgroup = subgroup;
        gpu.threads = threads;
        gpu.shared_bytes = shared;
        EXPECT_LE(vulkan::plain_threads(gpu), threads);
        EXPECT_TRUE(std::has_single_bit(vulkan::plain_threads(gpu)));
        for (const bool gated : {false, true})
          for (const int64_t size : {1, 64, 1000, 100000}) {
            const vulkan::Tile tile = vulkan::tile_for(gpu, size, size, gated);
            EXPECT_LE(tile.threads, threads);
            // As shaders/tiles.glsl declares it.
            const int64_t strips = tile.height() + 1 + (gated ? 2 : 1) * (tile.width() + 1);
            EXPECT_LE(4 * tile.depth * strips, shared);
          }
      }
}

TEST(Limits, MatricesAreNotUsedWhereTheirWorkgroupsDoNotFit) {
  GpuDescription gpu;
  gpu.matrix = {16, 16, 16};
  gpu.subgroup = 32;
  gpu.threads = 1024;
  gpu.shared_bytes = 49152;
  const auto fits = [&](bool gated) { return MatrixTile::of_floats(gpu.matrix, gated).fits(gpu); };
  EXPECT_TRUE(fits(false));
  EXPECT_TRUE(fits(true));
  gpu.shared_bytes = 16384;  // the least that Vulkan allows; 64 and 128 rows of 40 values of f16 and 4 KiB are 19 KiB
  EXPECT_FALSE(fits(false));
  EXPECT_FALSE(fits(true));
  gpu.shared_bytes = 32768;
  gpu.matrix.k = 32;
  EXPECT_TRUE(fits(false));
  gpu.subgroup = 64;
  gpu.threads = 128;
  EXPECT_FALSE(fits(false));
  gpu.matrix = {};
  gpu.threads = 1024;
  EXPECT_FALSE(fits(false));
}

TEST(Limits, MatricesOfBytesAreNotUsedWhereTheirWorkgroupsDoNotFit) {
  GpuDescription gpu;
  gpu.byte_matrix = {16, 16, 32};
  gpu.subgroup = 32;
  gpu.threads = 128;
  const auto fits = [&](bool gated) { return MatrixTile::of_bytes(gpu.byte_matrix, gated).fits(gpu); };
  // 64 rows and 64 columns of 80 bytes, 4 KiB of sums: 14 KiB; gated as well, with twice 32 columns.
  gpu.shared_bytes = 16384;
  EXPECT_TRUE(fits(false));
  EXPECT_TRUE(fits(true));
  gpu.shared_bytes = 14000;
  EXPECT_FALSE(fits(false));
  EXPECT_FALSE(fits(true));
  gpu.shared_bytes = 65536;
  gpu.subgroup = 64;
  EXPECT_FALSE(fits(false));
  gpu.subgroup = 32;
  gpu.byte_matrix = {};
  EXPECT_FALSE(fits(false));
}

}  // namespace
}  // namespace easel::ops::testing
