// Animations that are written come back frame by frame, with their texts.
#include "formats/pictures/animation.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "support/golden.h"

namespace easel::formats {
namespace {

std::span<const uint8_t> bytes_of(const std::string& s) {
  return {reinterpret_cast<const uint8_t*>(s.data()), s.size()};
}

// Values that a byte holds, none alike in two frames.
Tensor frames(int64_t count, int64_t channels) {
  Tensor out = Tensor::zeros({count, 7, 10, channels});
  for (int64_t i = 0; i < out.numel(); ++i) out.f32()[i] = static_cast<float>(i * 37 % 251) / 255.0f;
  return out;
}

const TextChunks kText{{"prompt", R"({"1": {"class_type": "A"}})"}, {"workflow", R"({"nodes": []})"}};

void expect_frames(const std::string& file, const Tensor& images, PictureFormat format) {
  const Picture back = decode_picture(bytes_of(file));
  EXPECT_EQ(back.format, format);
  EXPECT_EQ(back.warning, "");
  ASSERT_EQ(back.rgb.shape(), (Shape{images.dim(0), images.dim(1), images.dim(2), 3}));
  EXPECT_EQ(testing::max_difference(back.rgb, contiguous(images.slice(3, 0, 3))), 0);
  if (images.dim(3) == 4) {
    const Tensor alpha = contiguous(images.slice(3, 3, 1)).view(back.alpha.shape());
    EXPECT_EQ(testing::max_difference(back.alpha, alpha), 0);
  }
  EXPECT_EQ(back.text.at("prompt"), kText[0].second);
  EXPECT_EQ(back.text.at("workflow"), kText[1].second);
}

TEST(Animations, PngComesBackFrameByFrame) {
  for (const int64_t count : {1, 2, 5})
    for (const int64_t channels : {3, 4}) {
      const Tensor images = frames(count, channels);
      const std::string file = encode_animated_png(images, kText, 125, 4);
      expect_frames(file, images, PictureFormat::kPng);
      // Delay, 125 of 1000, stands 20 bytes into the first frame's control.
      const size_t control = file.find("fcTL") + 4;
      EXPECT_EQ(file.substr(control + 20, 4), std::string("\x00\x7d\x03\xe8", 4));
    }
}

TEST(Animations, WebpWithoutLossComesBackFrameByFrame) {
  for (const int64_t count : {1, 2, 5})
    for (const int64_t channels : {3, 4}) {
      Tensor images = frames(count, channels);
      if (channels == 4)  // colours of pixels that cannot be seen may be another's
        for (int64_t i = 3; i < images.numel(); i += 4) images.f32()[i] = static_cast<float>(40 + i % 200) / 255.0f;
      expect_frames(encode_animated_webp(images, kText, {.frame_ms = 100}), images, PictureFormat::kWebp);
    }
}

TEST(Animations, WebpWithLossIsNearAndTheSmaller) {
  Tensor images = Tensor::zeros({3, 32, 32, 3});  // no two frames alike: libwebp would join them
  for (int64_t i = 0; i < images.numel(); ++i)
    images.f32()[i] = static_cast<float>(i / 96 % 32) / 40.0f + static_cast<float>(i / 3072) / 20.0f;
  const std::string fine = encode_animated_webp(images, {}, {.lossless = false, .quality = 95});
  const std::string coarse = encode_animated_webp(images, {}, {.lossless = false, .quality = 5});
  EXPECT_LT(coarse.size(), fine.size());
  EXPECT_LE(testing::max_difference(decode_picture(bytes_of(fine)).rgb, images), 0.06);
}

TEST(Animations, WhatCannotBeWrittenIsRefused) {
  EXPECT_THROW(encode_animated_png(Tensor::zeros({2, 4, 4, 1}), {}, 100, 4), Error);
  EXPECT_THROW(encode_animated_png(frames(1, 3), {}, 70000, 4), Error);
  EXPECT_THROW(encode_animated_webp(Tensor::zeros({1, 1, 16384, 3}), {}, {}), Error);
}

}  // namespace
}  // namespace easel::formats
