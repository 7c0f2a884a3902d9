// Masks for drawing the seams between tiles again, as Pillow makes them: values are bytes k/255. f32 [1,H,W,1].
#pragma once

#include <cstdint>

#include "image/scale/resize.h"
#include "tensor/tensor.h"

namespace easel::image {

// A tile that is brightest in its middle row, and falls to black towards the first and the last one. The last row of an
// odd height is black. Sides are 2 or more.
Tensor row_seam(Size tile);
// The same for columns.
Tensor column_seam(Size tile);
// Brightest in the middle of the tile, and black at its corners.
Tensor crossing_seam(Size tile);
// A band of this size, brightest along its middle: a row, or a column if it `stands`.
Tensor band_seam(Size band, bool stands);

// A black mask of the canvas's size with a part in it, whose corner is at (x, y); what is beyond the canvas is cut.
Tensor placed(const Tensor& part, Size canvas, int64_t x, int64_t y);

// The smallest rectangle around all values above 0; x2 and y2 are behind it. Empty at the far corner if there are none.
struct Bounds {
  int64_t x1 = 0, y1 = 0, x2 = 0, y2 = 0;
};
Bounds bounds(const Tensor& mask);

}  // namespace easel::image
