// What a mask encloses.
#pragma once

#include "tensor/tensor.h"

namespace easel::image {

// 1 where a mask [1,H,W] is above 0, and where no path over other pixels, from side to side, leads to the border
// (scipy's binary_fill_holes); else 0.
Tensor fill_enclosed(const Tensor& mask);

}  // namespace easel::image
