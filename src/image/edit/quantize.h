// Pictures in few colours.
#pragma once

#include <cstdint>
#include <string_view>

#include "tensor/tensor.h"

namespace easel::image {

// How colours that are not in the palette are imitated: not at all, by spreading the error over the neighbours, or by
// an ordered pattern of so many pixels.
enum class Dither { kNone, kFloydSteinberg, kBayer2, kBayer4, kBayer8, kBayer16 };
// By ComfyUI's names ("floyd-steinberg", "bayer-4", ...). Throws Error(kInvalid) for any other.
Dither dither(std::string_view name);

// f32 [N,H,W,3] in 0..1, each picture in 1 to 256 colours of its own, as Pillow's quantize() chooses and places them
// (median cut; ImageQuantize). Values come back as k/255. Throws Error(kInvalid) for other pictures or numbers.
Tensor quantize(const Tensor& image, int64_t colours, Dither dithering);

}  // namespace easel::image
