// Resizing as the Pillow library does it: on 8-bit values, in fixed point.
#pragma once

#include <string_view>

#include "image/resize.h"

namespace easel::image {

enum class PillowFilter { kNearest, kBox, kBilinear, kHamming, kBicubic, kLanczos };

// By Pillow's names ("LANCZOS", "BICUBIC", ...). Throws Error(kInvalid) for any other.
PillowFilter pillow_filter(std::string_view name);

// Image.resize (libImaging/Resample.c): f32 [N,H,W,C] in 0..1 is cut to bytes (255 v, rounded down), resized with a
// rounding to bytes between the two passes, and comes back as k/255. With four channels the last one is alpha, and
// colours are weighted by it. Throws Error(kInvalid) for an empty image or size.
Tensor pillow_resize(const Tensor& image, Size size, PillowFilter filter);

}  // namespace easel::image
