// Batches of pictures as one animated file.
#pragma once

#include <string>

#include "formats/pictures/picture.h"
#include "tensor/tensor.h"

namespace easel::formats {

// Both take images [N,H,W,C] f32 with C of 3 (RGB) or 4 (RGBA), turned into bytes as by encode_png(), and show each for
// `frame_ms` milliseconds, for ever. Texts are where ComfyUI's SaveAnimatedPNG and SaveAnimatedWEBP have them: in
// chunks "comf" behind the first frame's pixels, or in EXIF data as "name:content". Throw Error(kInvalid) for other
// shapes.

// Compression 0 to 9.
std::string encode_animated_png(const Tensor& images, const TextChunks& text, int frame_ms, int compression);

struct WebpAnimation {
  int frame_ms = 100;
  bool lossless = true;  // then `quality` is effort
  float quality = 80;    // 0 to 100
  int method = 4;        // 0, fast, to 6, small
};
// Throws Error(kInvalid) for pictures of more than 16383 pixels on a side as well.
std::string encode_animated_webp(const Tensor& images, const TextChunks& text, const WebpAnimation& how);

}  // namespace easel::formats
