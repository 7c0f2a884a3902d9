// Hints for ControlNets made from pictures, and brought to another size, on 8-bit pixels.
#pragma once

#include "image/hints/byte_picture.h"

namespace easel::image {

// Edges as OpenCV's Canny() finds them (3x3 Sobel, |dx| + |dy|, of the channel where that is largest): 255 on edges
// above `high` and those above `low` that touch them, else 0. One channel.
BytePicture canny_bytes(const BytePicture& picture, int low, int high);

// What the preprocessors of comfyui_controlnet_aux work on: the picture with its shorter side at `resolution`, and
// behind it the edge repeated up to multiples of 64.
struct PaddedHint {
  BytePicture picture;
  Size size;  // without what was added
};
// That size, of a picture of the size `now`.
Size hint_size(Size now, int64_t resolution);
PaddedHint padded_hint(const BytePicture& picture, int64_t resolution, ByteFilter when_growing);
// The picture without what was added, with three channels.
BytePicture unpadded(const BytePicture& picture, Size size);

// [1,H,W,1] f32, above 0 where something is more likely than not: the sigmoid, 255 for certain, fractions cut off. With
// `steps` above 0 only as many values between black and white remain, less one (comfyui_controlnet_aux's safe mode has
// 2).
BytePicture likelihood_bytes(const Tensor& scores, int64_t steps);

enum class HintFit { kStretch, kCrop, kFill };
// A hint at another size, so that lines stay lines (L. Zhang in sd-webui-controlnet, 2023): pictures of few colours by
// the nearest pixel, others by area or bicubic, black and white ones made so again by Otsu's threshold, and lines of
// one pixel thinned to that. Three channels. Throws Error(kInvalid) for others.
BytePicture hint_resized(const BytePicture& hint, Size size, HintFit fit);

}  // namespace easel::image
