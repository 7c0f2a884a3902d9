#include "image/scale/resize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "base/parallel.h"
#include "reference_picture.h"

namespace easel::image {
namespace {

// A picture of one channel.
Tensor grid(int64_t height, int64_t width, std::initializer_list<float> values) {
  return Tensor::of({1, height, width, 1}, values);
}

std::vector<float> flat(const Tensor& t) {
  const Tensor packed = contiguous(t);
  return {packed.values().begin(), packed.values().end()};
}

// Values without pattern, the same on every machine.
Tensor noise(const Shape& shape) {
  Tensor t(shape);
  uint32_t state = 12345;
  for (float& v : t.values()) {
    state = state * 1664525u + 1013904223u;
    v = static_cast<float>(state >> 8) / 16777216.0f;
  }
  return t;
}

TEST(Resize, NamesAndErrors) {
  EXPECT_EQ(resize_method("nearest-exact"), ResizeMethod::kNearestExact);
  EXPECT_EQ(resize_method("bislerp"), ResizeMethod::kBislerp);
  EXPECT_THROW(resize_method("nearest"), Error);
  EXPECT_EQ(crop_mode("center"), CropMode::kCenter);
  EXPECT_THROW(crop_mode("middle"), Error);
  const Tensor t = noise({1, 4, 4, 3});
  EXPECT_THROW(resize(t, {0, 4}, ResizeMethod::kBilinear), Error);
  EXPECT_THROW(resize(t, {int64_t{1} << 40, 4}, ResizeMethod::kBilinear), Error);
  EXPECT_THROW(resize(Tensor(), {4, 4}, ResizeMethod::kArea), Error);
  EXPECT_THROW(resize(noise({4, 4, 3}), {4, 4}, ResizeMethod::kArea), Error);
  EXPECT_THROW(upscale(noise({1, 1, 100, 1}), {1, 1000}, ResizeMethod::kArea, CropMode::kCenter), Error);
}

TEST(Resize, PythonsRounding) {
  EXPECT_EQ(round_half_even(2.5), 2);
  EXPECT_EQ(round_half_even(3.5), 4);
  EXPECT_EQ(round_half_even(-0.5), 0);
  EXPECT_EQ(round_half_even(2.4999999), 2);
}

TEST(Resize, Sizes) {
  const Tensor t = noise({1, 300, 200, 1});
  const Size now = size_of(t), latent = size_of(noise({1, 64, 48, 4}));
  EXPECT_EQ(scaled_size(now, {0, 0}), (Size{200, 300}));
  EXPECT_EQ(scaled_size(now, {0, 80}), (Size{53, 80}));
  EXPECT_EQ(scaled_size(now, {100, 0}), (Size{100, 150}));
  EXPECT_EQ(scaled_size(now, {7, 9}), (Size{7, 9}));
  EXPECT_EQ(scaled_by(now, 0.5), (Size{100, 150}));
  EXPECT_EQ(scaled_to_pixels(now, 0.02), (Size{118, 177}));
  EXPECT_EQ(scaled_latent_size(latent, {0, 0}, 8), (Size{48, 64}));
  EXPECT_EQ(scaled_latent_size(latent, {768, 8}, 8), (Size{96, 8}));
  EXPECT_EQ(scaled_latent_size(latent, {0, 1024}, 8), (Size{96, 128}));
}

TEST(Resize, SmallNumbers) {
  const Tensor t = grid(2, 2, {0, 1, 2, 3});
  EXPECT_EQ(flat(resize(t, {4, 1}, ResizeMethod::kNearestExact)), (std::vector<float>{2, 2, 3, 3}));
  EXPECT_EQ(flat(resize(t, {4, 2}, ResizeMethod::kBilinear)),
            (std::vector<float>{0, 0.25f, 0.75f, 1, 2, 2.25f, 2.75f, 3}));
  EXPECT_EQ(flat(resize(t, {1, 1}, ResizeMethod::kArea)), std::vector<float>{1.5f});
  EXPECT_EQ(flat(resize(t, {1, 2}, ResizeMethod::kArea)), (std::vector<float>{0.5f, 2.5f}));
  EXPECT_EQ(flat(resize(grid(1, 4, {0, 0, 1, 1}), {2, 1}, ResizeMethod::kBicubic)),
            (std::vector<float>{-0.09375f, 1.09375f}));
}

TEST(Resize, TheSameSizeChangesNothing) {
  const Tensor t = noise({2, 9, 7, 3});
  for (const char* method : {"nearest-exact", "bilinear", "area", "bicubic"})
    EXPECT_EQ(testing::max_difference(resize(t, {7, 9}, resize_method(method)), t), 0.0) << method;
  EXPECT_EQ(testing::max_difference(antialias_bicubic(t, {7, 9}), t), 0.0);
}

TEST(Resize, StridedInputAndThreadsDoNotMatter) {
  const Tensor wide = noise({2, 40, 60, 3});
  const Tensor part = wide.slice(1, 5, 30).slice(2, 10, 45), packed = clone(part);
  const int threads = thread_count();
  for (const char* method : {"nearest-exact", "bilinear", "area", "bicubic", "lanczos", "bislerp"}) {
    const Tensor expected = resize(part, {23, 37}, resize_method(method));
    EXPECT_LT(testing::relative_error(resize(packed, {23, 37}, resize_method(method)), expected), 1e-6) << method;
    set_thread_count(3);
    EXPECT_EQ(testing::max_difference(resize(part, {23, 37}, resize_method(method)), expected), 0.0) << method;
    set_thread_count(threads);
  }
}

// Anything-to-anything, for the sanitizers.
TEST(Resize, OddSizes) {
  for (const char* method : {"nearest-exact", "bilinear", "area", "bicubic", "lanczos", "bislerp"}) {
    for (const Size from : {Size{1, 1}, Size{2, 9}, Size{31, 3}}) {
      for (const Size to : {Size{1, 1}, Size{3, 2}, Size{64, 1}}) {
        const Tensor out = resize(noise({1, from.height, from.width, 4}), to, resize_method(method));
        EXPECT_EQ(out.shape(), Shape({1, to.height, to.width, 4}));
        for (float v : out.values()) ASSERT_TRUE(std::isfinite(v)) << method;
      }
    }
  }
}

TEST(Resize, CropKeepsTheMiddle) {
  const Tensor t = grid(1, 6, {0, 1, 2, 3, 4, 5});
  EXPECT_EQ(flat(crop_to_aspect(t, {2, 1})), (std::vector<float>{2, 3}));
  EXPECT_EQ(crop_to_aspect(noise({1, 100, 50, 1}), {30, 20}).shape(), Shape({1, 34, 50, 1}));
}

TEST(Resize, LanczosWorksOnBytes) {
  const Tensor t = grid(1, 3, {-1.0f, 0.999f, NAN});
  EXPECT_EQ(flat(resize(t, {3, 1}, ResizeMethod::kLanczos)), (std::vector<float>{0, 254.0f / 255.0f, 0}));
  const Tensor out = resize(noise({1, 20, 20, 3}), {7, 33}, ResizeMethod::kLanczos);
  for (float v : out.values()) ASSERT_EQ(v, std::nearbyint(v * 255.0f) / 255.0f);
}

TEST(Resize, BislerpKeepsLengths) {
  const Tensor t = Tensor::of({1, 1, 2, 2}, {2, 0, 0, 2});
  const Tensor out = resize(t, {4, 1}, ResizeMethod::kBislerp);
  for (int64_t x = 0; x < 4; ++x) {
    const float* v = out.f32() + 2 * x;
    EXPECT_NEAR(std::hypot(v[0], v[1]), 2.0f, 1e-5f);
  }
}

TEST(Resize, EqualToTheReference) {
  EASEL_NEEDS_SHARED();
  const TensorMap goldens = testing::load_golden("image.safetensors");
  const Tensor picture = testing::reference_picture("cwf_marble_statue.jpg");
  int compared = 0;
  for (const auto& [key, golden] : goldens) {
    char method[32], crop[32];
    Size size;
    if (std::sscanf(key.c_str(), "scale.%31[^.].%31[^.].%ldx%ld", method, crop, &size.width, &size.height) != 4)
      continue;
    const Tensor out = upscale(picture, scaled_size(size_of(picture), size), resize_method(method), crop_mode(crop));
    EXPECT_EQ(testing::max_difference(out, golden), 0.0) << key;
    ++compared;
  }
  EXPECT_EQ(compared, 20);
  const Tensor small = upscale(picture, {160, 128}, ResizeMethod::kBilinear, CropMode::kDisabled);
  EXPECT_EQ(testing::max_difference(small, *goldens.find("canny.input")), 0.0);
}

}  // namespace
}  // namespace easel::image
