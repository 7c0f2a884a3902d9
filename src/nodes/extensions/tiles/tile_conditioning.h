// Conditioning for a tile of a picture, as Ultimate SD Upscale cuts it.
#pragma once

#include "image/scale/resize.h"
#include "models/conditioning.h"

namespace easel::nodes {

// A part of the picture, in pixels; x2 and y2 are behind it.
struct Region {
  int64_t x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  int64_t width() const { return x2 - x1; }
  int64_t height() const { return y2 - y1; }
};

// That part of pictures [n,H,W,C], on which it lies.
Tensor part(const Tensor& pictures, const Region& r);

// What is cut out of the canvas, and what it was before.
struct TileCut {
  Region crop;        // of the canvas
  image::Size size;   // the crop's, as the model sees it
  image::Size first;  // of the picture before it was enlarged, which areas and boxes are of
  image::Size canvas;
};

// The list for a tile: hints, masks, areas and GLIGEN's boxes are cut; a box or an area that does not reach into the
// tile is taken away, an area's entry then counting for all of it. Throws Error(kInvalid) at `input` for areas in
// percent and for inpainting conditioning.
models::Conditioning for_tile(const models::Conditioning& list, const char* input, const TileCut& cut);

}  // namespace easel::nodes
