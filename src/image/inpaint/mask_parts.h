// Parts of masks: what hangs together in them, and its surroundings.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace easel::image {

// In pixels of the whole picture, without x2 and y2.
struct PartBox {
  int64_t x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  int64_t width() const { return x2 - x1; }
  int64_t height() const { return y2 - y1; }
};

struct MaskPart {
  Tensor mask;     // [1,h,w], of `crop`
  PartBox crop;    // the part that is looked at
  PartBox bounds;  // the part that was found, inside of it
};

struct PartFinding {
  bool combined = false;      // what is in a mask is one part, not as many as do not touch each other
  double crop_factor = 3.0;   // sides of `crop` by those of `bounds`
  bool fill_bounds = false;   // all of `bounds` is selected
  int64_t drop_size = 10;     // parts whose width or height is no larger are left out
  bool fill_contour = false;  // parts are selected wholly, with their holes, whatever values they have
};

// The parts of each of the masks [N,H,W] (Impact-Pack's mask_to_segs); of those in one mask the lowest come first, as
// OpenCV's contours do.
std::vector<MaskPart> mask_parts(const Tensor& masks, const PartFinding& how);

// The part of a picture around a rectangle whose sides are `factor` times as long, moved inside of the picture
// (Impact-Pack's make_crop_region).
PartBox crop_around(double x1, double y1, double x2, double y2, double factor, int64_t width, int64_t height);

// Whether all of a mask is 0.
bool is_blank(const Tensor& mask);

// All parts in one mask [1,height,width], as bytes rounded down, bit by bit.
Tensor joined_parts(const std::vector<MaskPart>& parts, int64_t height, int64_t width);

// The mask of a part, and what is under it in a mask [1,H,W] in which its crop lies, bit by bit of their bytes.
Tensor common_part(const MaskPart& part, const Tensor& mask);

}  // namespace easel::image
