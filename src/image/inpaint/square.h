// Pictures made square for networks that fill holes in those of one size, and brought back (comfyui-inpaint-nodes).
#pragma once

#include "image/scale/resize.h"
#include "tensor/tensor.h"

namespace easel::image {

// [N,H,W,C] with its shorter side made as long as the other, below or on the right, by what is mirrored there, once,
// and by 0 beyond that; then resized to side x side by the nearest pixel.
Tensor made_square(const Tensor& picture, int64_t side);

// Back: a square picture of any size at the longer side of `size`, bilinear, cut to it.
Tensor cut_from_square(const Tensor& square, Size size);

// `filled` where a mask [N,H,W] is 0.99 or more, else `picture`. One mask serves all pictures. Throws Error(kInvalid)
// for other sizes.
Tensor filled_where_selected(const Tensor& picture, const Tensor& filled, const Tensor& mask);

}  // namespace easel::image
