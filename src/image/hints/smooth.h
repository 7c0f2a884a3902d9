// OpenCV's GaussianBlur() of a size that follows from sigma, borders mirrored at the end pixels.
#pragma once

#include "image/hints/byte_picture.h"

namespace easel::image {

// Of 8-bit pixels, in fixed point as OpenCV computes it: three sigmas each way; sigma > 0 in pixels.
BytePicture gaussian_bytes(const BytePicture& picture, double sigma);

// Of f32 [N,H,W,C]: four sigmas each way. Throws Error(kInvalid) unless sigma is above 0 and at most 100.
Tensor gaussian_floats(const Tensor& map, double sigma);

// Each of f32 [N,H,W,C] as the picture's bytes are.
Tensor floats_of(const BytePicture& picture);

}  // namespace easel::image
