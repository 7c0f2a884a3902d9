// The input of CLIP's vision encoders.
#pragma once

#include "tensor/tensor.h"

namespace easel::image {

// How a picture is made square: by a centre crop, or by resizing without regard to the aspect ratio.
enum class ClipCrop { kCenter, kNone };

// f32 [N,H,W,C>=3] in 0..1 -> [N,size,size,3], normalised with CLIP's mean and deviation: antialiased bicubic
// resize (shorter side to `size`, then the centre; or both sides), clipped and rounded to 8 bits, as
// comfy.clip_vision.clip_preprocess does. Further channels are ignored. Throws Error(kInvalid) for what is no picture.
Tensor clip_preprocess(const Tensor& image, int64_t size = 224, ClipCrop crop = ClipCrop::kCenter);

}  // namespace easel::image
