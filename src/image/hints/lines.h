// Lines and edges made into hints, pixel by pixel as comfyui_controlnet_aux does it.
#pragma once

#include "image/hints/byte_picture.h"

namespace easel::image {

// Where the picture is darker than around it, one channel: the least of (smoothed - picture) over the colours, as 127
// where it is the median of those above `threshold`, or 16 when that is less. Throws as gaussian_floats() does.
BytePicture standard_lines(const BytePicture& picture, double sigma, int64_t threshold);

// A scribble of soft edges, one channel: their ridges, as lines about as wide as a brush, 255 on black.
BytePicture scribbled(const BytePicture& edges);

// A scribble of the differences of two smoothed pictures (XDoG), one channel: 255 above the threshold, else 0.
BytePicture difference_scribble(const BytePicture& picture, int64_t threshold);

struct LinePatches {
  double least = 0, most = 1;  // of the values, 0 to 1, that are kept; others become 0
  int64_t smallest = 36;       // of a patch, each of whose pixels counts three times
  int64_t neighbours = 1;      // 1: pixels that share a side, 2 or more: or a corner
};
// Both f32 [N,H,W,C] from 0 to 1, of one size: the first channel of `lines`, without its smallest patches, over
// `edges` -> 1 - (1 - edges) (1 - lines), where there are lines. Throws Error(kInvalid) for other sizes.
Tensor lines_over_edges(const Tensor& edges, const Tensor& lines, const LinePatches& patches);

}  // namespace easel::image
