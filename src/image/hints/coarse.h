// Pictures with only their coarse parts and colours, as hints for ControlNets and T2I-Adapters that fill in the rest.
#pragma once

#include "image/hints/byte_picture.h"

namespace easel::image {

// Twice the size, as OpenCV's pyrUp() does it: zeros between the pixels, smoothed by 1 4 6 4 1; left and top the
// pixels go on mirrored, right and bottom with the last one.
BytePicture doubled(const BytePicture& picture);

// The size of blurred_tile(): each side to its nearest multiple of 64, of that the part that halves `halvings` times.
// Throws Error(kInvalid) if nothing is left.
Size tile_size(Size size, int64_t halvings);
// A picture halved so many times by means of areas, and doubled() as often.
BytePicture blurred_tile(const BytePicture& picture, int64_t halvings);

// The size of a picture whose shorter side is `resolution`.
Size colors_size(Size size, int64_t resolution);
// A picture in that size, of squares of about 64 pixels of one colour each; `resolution` is 64 or more.
BytePicture color_squares(const BytePicture& picture, int64_t resolution);

}  // namespace easel::image
