#include "synth/pictures/demo_picture.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "image/reference_picture.h"

namespace easel::synth {
namespace {

using image::Size;

TEST(DemoPicture, ScenesInAnyShape) {
  ASSERT_EQ(demo_scenes().size(), 4u);
  for (std::string_view scene : demo_scenes()) {
    for (const Size size : {Size{48, 48}, Size{64, 24}, Size{1, 9}}) {
      const Tensor t = demo_picture(scene, size);
      EXPECT_EQ(t.shape(), Shape({1, size.height, size.width, 3}));
      for (float v : t.values()) ASSERT_TRUE(v >= 0.0f && v <= 1.0f) << scene;
    }
    const Tensor a = demo_picture(scene, {32, 32});
    EXPECT_EQ(testing::max_difference(a, demo_picture(scene, {32, 32})), 0.0);
    float low = 1, high = 0;
    for (float v : a.values()) low = std::min(low, v), high = std::max(high, v);
    EXPECT_GT(high - low, 0.5f) << scene;  // something is to be seen
  }
  EXPECT_THROW(demo_picture("sunset", {8, 8}), Error);
  EXPECT_THROW(demo_picture("portrait", {0, 8}), Error);
}

}  // namespace
}  // namespace easel::synth
