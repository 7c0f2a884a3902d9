// Pictures without their background, as the rembg library cuts them out (github.com/danielgatis/rembg).
#pragma once

#include <array>

#include "image/hints/byte_picture.h"
#include "tensor/tensor.h"

namespace easel::image {

// How a network sees colours from 0 to 1.
struct SeenColours {
  std::array<double, 3> mean{}, deviation{};
};

// [1,3,H,W] f32 for the network: the picture resized by Pillow's LANCZOS, its brightest value as 1.
Tensor cut_out_pixels(const BytePicture& picture, Size network, const SeenColours& colours);

// The picture with four channels: its colours times how much of each pixel the network says is in front, [1,C,h,w], of
// which the first channel counts, from its least value to its largest; that share is the last channel. Throws
// Error(kBadFile) for another shape.
BytePicture cut_out(const BytePicture& picture, const Tensor& said);

}  // namespace easel::image
