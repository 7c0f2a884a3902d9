// Borders around pictures, for what is to be painted beyond them.
#pragma once

#include <span>

#include "image/edit/pictures.h"
#include "tensor/tensor.h"

namespace easel::image {

enum class Border {
  kColour,    // one colour
  kMeanEdge,  // each side in the mean of its edge; the corners belong to left and right
  kNearest,   // the nearest pixel
};

// Pictures [N,H,W,C] with a border; `colour` has a number for each channel with kColour. Sides are not negative. Throws
// Error(kInvalid) for an empty or too large size, and for another number of channels.
Tensor with_border(const Tensor& images, const Sides& sides, Border border, std::span<const float> colour = {});

}  // namespace easel::image
