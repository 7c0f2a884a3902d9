// Canny edge detection.
#pragma once

#include "tensor/tensor.h"

namespace easel::image {

// f32 [N,H,W,C] in 0..1 (C is 1, or at least 3: red, green, blue, and channels that are ignored) -> [N,H,W,3], 1 on
// edges, else 0.
// Gaussian 5x5 (sigma 1), Sobel, thinning along eight directions, and hysteresis: a pixel whose gradient exceeds
// `high` is an edge, and so is one above `low` that is connected to an edge. Follows the kornia code of ComfyUI's Canny
// node, including its rounding, so that the edges are the same pixels.
// Throws Error(kInvalid) for anything but pictures of at least 3 x 3 pixels (the blur mirrors two pixels at the
// border).
Tensor canny(const Tensor& image, double low, double high);

}  // namespace easel::image
