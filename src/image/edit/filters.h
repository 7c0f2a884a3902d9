// Blurring and sharpening. f32 [N,H,W,C] in and out.
#pragma once

#include "tensor/tensor.h"

namespace easel::image {

// Gaussian of (2 radius + 1)^2 pixels; sigma counts in radii (0.1..10), borders are mirrored (ImageBlur). Radius 0
// changes nothing. Throws Error(kInvalid) for a radius as large as the picture, or a sigma that is not above 0.
Tensor blur(const Tensor& image, int64_t radius, double sigma);

// Pillow's GaussianBlur of `radius` pixels: values become bytes (255 v, rounded down), are blurred three times in each
// direction by a box of a fractional width in fixed point (libImaging/BoxBlur.c), edges repeated, and become k/255.
// Throws Error(kInvalid) for a radius outside 0..1000.
Tensor pillow_blur(const Tensor& image, double radius);

// image + 10 alpha (image - blur), clamped to 0..1 (ImageSharpen).
Tensor sharpen(const Tensor& image, int64_t radius, double sigma, double alpha);

// Contrast-adaptive sharpening (AMD FidelityFX CAS) by `amount`, 0..1; pixels outside the picture count as black. The
// result is clamped to 0..1, and is 0 where the contrast cannot be computed (0 / 0). `epsilon` is added to that
// divisor, so that it can be computed in black areas too.
Tensor adaptive_sharpen(const Tensor& image, double amount, double epsilon = 0.0);

}  // namespace easel::image
