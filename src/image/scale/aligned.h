// Resizing between the centres of the corner pixels.
#pragma once

#include "image/scale/resize.h"

namespace easel::image {

// torch.nn.functional.interpolate(align_corners=True), bilinear or bicubic (a = -0.75): the outermost pixels keep their
// places. f32 [N,H,W,C] -> [N,size.height,size.width,C]. Throws Error(kInvalid) for an empty image or size.
Tensor resize_aligned(const Tensor& image, Size size, bool bicubic);

}  // namespace easel::image
