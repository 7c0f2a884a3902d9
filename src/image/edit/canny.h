// Canny edge detection.
#pragma once

#include "tensor/tensor.h"

namespace easel::image {

// f32 [N,H,W,C] in 0..1 (C = 1, or 3 and more of which red, green and blue count) -> [N,H,W,3], 1 on edges, else 0.
// Gaussian 5x5 (sigma 1), Sobel, thinning along eight directions, and hysteresis: a pixel whose gradient exceeds
// `high` is an edge, and so is one above `low` that hangs together with it. Follows the kornia code ComfyUI's Canny
// node carried, rounding by rounding, so that the edges are the same pixels.
// Throws Error(kInvalid) for what is no picture, or one under 3 x 3 pixels (the blur mirrors two at the border).
Tensor canny(const Tensor& image, double low, double high);

}  // namespace easel::image
