// Masks grown, shrunk and softened as inpainting needs them. f32 [N,H,W], 1 = to be painted; [N,H,W,C] for pictures.
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace easel::image {

// 1 where any value within a square of 2 radius + 1 pixels is above 0, else 0; outside the mask counts as 0.
Tensor dilate_square(const Tensor& mask, int64_t radius);

// 1 where all values within a square of 2 radius + 1 pixels are 1, else 0; outside the mask counts as 1.
Tensor erode_square(const Tensor& mask, int64_t radius);

// Softening of `size` pixels each way, borders mirrored. Linear falls off from the middle as a triangle does.
enum class Softening { kBox, kLinear, kGaussian };

// `size` is odd, for a box also even, with one pixel more behind than before; 0 to 2 change nothing. Throws
// Error(kInvalid), naming the size, where the mirrored border would reach beyond the mask.
Tensor soften(const Tensor& mask, int64_t size, Softening how);

// A Gaussian of `size` pixels (odd) with sigma 0.3 (size - 1) + 0.8, borders mirrored: f32 [N,H,W,C]. Throws as
// soften() does.
Tensor gaussian(const Tensor& image, int64_t size);

// The next odd number; 0 and what is odd stay.
int64_t odd(int64_t size);

// 1 from 0.99 on, else 0.
Tensor fully_selected(const Tensor& mask);

// 1 where the mask is above `edge`, else the mask.
Tensor full_above(const Tensor& mask, double edge);

// 0 up to `from`, 1 from `to` on, rising evenly between them. Throws Error(kInvalid) unless from < to.
Tensor ramp(const Tensor& mask, double from, double to);

}  // namespace easel::image
