// Pictures in few colours.
#pragma once

#include <cstdint>
#include <string_view>

#include "tensor/tensor.h"

namespace easel::image {

// How colours that are not in the palette are imitated: not at all, by diffusing the error to the neighbouring pixels,
// or by an ordered pattern of so many pixels a side.
enum class Dither { kNone, kFloydSteinberg, kBayer2, kBayer4, kBayer8, kBayer16 };
// The kind of dithering of a name that ComfyUI uses ("floyd-steinberg", "bayer-4", ...). Throws Error(kInvalid) for any
// other name.
Dither dither(std::string_view name);

// Reduces each picture, f32 [N,H,W,3] in 0..1, to 1 to 256 colours of its own, as Pillow's quantize() does (median cut;
// ImageQuantize). The values returned are k/255. Throws Error(kInvalid) for other pictures or numbers.
Tensor quantize(const Tensor& image, int64_t colours, Dither dithering);

}  // namespace easel::image
