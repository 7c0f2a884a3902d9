// Blurring and sharpening. f32 [N,H,W,C] in and out.
#pragma once

#include "tensor/tensor.h"

namespace easel::image {

// Gaussian of (2 radius + 1)^2 pixels; sigma counts in radii (0.1..10), borders are mirrored (ImageBlur). Radius 0
// changes nothing. Throws Error(kInvalid) for a radius as large as the picture, or a sigma that is not above 0.
Tensor blur(const Tensor& image, int64_t radius, double sigma);

// Pillow's GaussianBlur of `radius` pixels: values are cut to bytes (255 v, rounded down), blurred three times each way
// by a box of a fractional width in fixed point (libImaging/BoxBlur.c), edges repeated, and come back as k/255.
// Throws Error(kInvalid) for a radius outside 0..1000.
Tensor pillow_blur(const Tensor& image, double radius);

// image + 10 alpha (image - blur), cut to 0..1 (ImageSharpen).
Tensor sharpen(const Tensor& image, int64_t radius, double sigma, double alpha);

// Contrast-adaptive sharpening (AMD FidelityFX CAS) by `amount`, 0..1; outside the picture counts as black. The result
// is cut to 0..1, and 0 where there is no contrast to measure.
// `epsilon` is added to what the weight is divided by, so that black has one.
Tensor adaptive_sharpen(const Tensor& image, double amount, double epsilon = 0.0);

}  // namespace easel::image
