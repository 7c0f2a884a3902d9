// Pictures of 8-bit pixels, for operations that are defined on those.
#pragma once

#include <cstdint>
#include <vector>

#include "image/scale/pillow.h"
#include "tensor/claimed_vector.h"
#include "tensor/tensor.h"

namespace easel::image {

struct BytePicture {
  BytePicture() = default;
  BytePicture(int64_t h, int64_t w, int64_t c, uint8_t value = 0)
      : height(h), width(w), channels(c), data(static_cast<size_t>(h * w * c), value) {}

  uint8_t* at(int64_t y, int64_t x) { return &data[static_cast<size_t>((y * width + x) * channels)]; }
  const uint8_t* at(int64_t y, int64_t x) const { return &data[static_cast<size_t>((y * width + x) * channels)]; }
  // The nearest pixel of the picture.
  const uint8_t* clamped(int64_t y, int64_t x) const;

  int64_t height = 0, width = 0, channels = 0;
  ClaimedVector<uint8_t> data;
};

// Picture n of a batch [N,H,W,C] f32: 255 v, cut to whole numbers and to 0..255.
BytePicture byte_picture(const Tensor& image, int64_t n);
// [1,H,W,1] f32, its least value as 0 and its largest as 255, fractions cut off; all 0 where they are the same.
BytePicture spread_over_bytes(const Tensor& values);
// [1,H,W,1] f32 turned round: 255 where it is its 2nd percentile or less, 0 where it is its 85th or more, as ZoeDepth's
// preprocessor shows what is near.
BytePicture near_bytes(const Tensor& distances);
// [N,H,W,C] f32 with v / 255, of pictures of one size. Throws Error(kInternal) for none or several sizes.
Tensor picture_of(const std::vector<BytePicture>& pictures);

// As OpenCV's resize() does it, in fixed point where it does.
enum class ByteFilter { kNearest, kArea, kCubic, kLinear };
// Throws Error(kInvalid) as require_size() does.
BytePicture resized(const BytePicture& picture, Size size, ByteFilter filter);

}  // namespace easel::image
