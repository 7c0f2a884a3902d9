#include "image/scale/clip_preprocess.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "reference_picture.h"

namespace easel::image {
namespace {

TEST(ClipPreprocess, ShapesAndValues) {
  const Tensor white = Tensor::full({2, 300, 500, 3}, 1.5f);
  const Tensor out = clip_preprocess(white);
  EXPECT_EQ(out.shape(), Shape({2, 224, 224, 3}));
  for (int64_t c = 0; c < 3; ++c) {
    constexpr float kMean[3] = {0.48145466f, 0.4578275f, 0.40821073f},
                    kDeviation[3] = {0.26862954f, 0.26130258f, 0.27577711f};
    EXPECT_EQ(out.f32()[c], (1.0f - kMean[c]) / kDeviation[c]);
  }
  EXPECT_EQ(clip_preprocess(white, 336, ClipCrop::kNone).shape(), Shape({2, 336, 336, 3}));
  EXPECT_THROW(clip_preprocess(Tensor::zeros({1, 9, 9, 1})), Error);
}

// With a square picture the two crops agree; otherwise the centre one sees only the middle.
TEST(ClipPreprocess, CropDecidesWhatIsSeen) {
  Tensor wide = Tensor::zeros({1, 32, 96, 4});
  for (int64_t i = 0; i < 32 * 96; ++i)
    for (int64_t c = 0; c < 4; ++c) wide.f32()[i * 4 + c] = i % 96 < 32 || i % 96 >= 64 ? 1.0f : 0.0f;
  const auto brightest = [](const Tensor& t) { return *std::max_element(t.values().begin(), t.values().end()); };
  EXPECT_GT(brightest(clip_preprocess(wide, 16, ClipCrop::kNone)), 1.5f);
  const Tensor middle = clip_preprocess(wide, 16, ClipCrop::kCenter);
  EXPECT_LT(middle.f32()[(8 * 16 + 8) * 3], -1.7f);
}

TEST(ClipPreprocess, EqualToTheReference) {
  EASEL_NEEDS_SHARED();
  const Tensor golden = testing::load_golden("clip_vision.safetensors", "clip_vision.pixels");
  const Tensor out = clip_preprocess(testing::reference_picture("cwf_marble_statue.jpg"));
  EXPECT_EQ(testing::max_difference(out, golden.permute({0, 2, 3, 1})), 0.0);
}

}  // namespace
}  // namespace easel::image
