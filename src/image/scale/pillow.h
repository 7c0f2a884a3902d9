// Resizing as the Pillow library does it: on 8-bit values, in fixed point.
#pragma once

#include <cstdint>
#include <string_view>

#include "image/scale/resize.h"

namespace easel::image {

enum class PillowFilter { kNearest, kBox, kBilinear, kHamming, kBicubic, kLanczos };

// By Pillow's names ("LANCZOS", "BICUBIC", ...). Throws Error(kInvalid) for any other.
PillowFilter pillow_filter(std::string_view name);

// How values outside 0..1, which bicubic scaling produces at hard edges, are converted to bytes.
enum class Overflow {
  kClip,  // the nearest byte, as numpy.clip before the conversion
  kWrap,  // modulo 256, as torch's byte(), which torchvision's ToPILImage uses: dark turns bright and the reverse
};

// 255 v as a byte the way torch's byte() makes it: rounded towards zero, modulo 256. What is not a number becomes 0.
uint8_t wrapped_byte(float value);

// Image.resize (libImaging/Resample.c): f32 [N,H,W,C] in 0..1 is cut to bytes (255 v, rounded down), resized with a
// rounding to bytes between the two passes, and comes back as k/255. With four channels the last one is alpha, and
// colours are weighted by it. Throws Error(kInvalid) for an empty image or size.
Tensor pillow_resize(const Tensor& image, Size size, PillowFilter filter, Overflow overflow = Overflow::kClip);

}  // namespace easel::image
