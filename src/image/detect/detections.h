// What comes before and after a YOLO detector's network, as ultralytics' predict does it: a picture for it, and the
// boxes and masks of what it found.
#pragma once

#include <vector>

#include "image/hints/byte_picture.h"

namespace easel::image {

// Where a picture lies in what the network sees: as large as fits, with grey around it up to whole steps.
struct Letterbox {
  Size picture;  // the picture's own size
  Size shown;    // its size in front of the network
  Size whole;    // with what lies around it
  int64_t left = 0, top = 0;
};
// For a network that was made for `wanted` and needs sides that are multiples of `step`. Throws Error(kInvalid) for a
// picture so narrow that nothing of it would be seen.
Letterbox letterbox(Size picture, Size wanted, int64_t step);
// The picture in it, [1,H,W,3] f32 from 0 to 1, resized as OpenCV does it; further channels are left out.
Tensor letterboxed(const BytePicture& picture, const Letterbox& box);

// What the network says of the cells of one grid.
struct GridSaid {
  int64_t step = 1;     // pixels of a cell's side
  Tensor sides;         // [1,h,w,4 bins]: how likely the left, top, right and lower side is each distance away
  Tensor scores;        // [1,h,w,kinds]: logits
  Tensor coefficients;  // [1,h,w,masks], or undefined
};
struct DetectorSaid {
  std::vector<GridSaid> grids;
  std::vector<float> distances;  // of the bins, in cells; empty: `sides` are the distances themselves
  Tensor masks;                  // [1,h,w,masks]: what masks are sums of; or undefined
};

struct Detection {
  float left = 0, top = 0, right = 0, bottom = 0;  // in pixels of the picture, inside of it
  float score = 0;                                 // 0 to 1
  int64_t kind = 0;
  Tensor mask;  // [1,h,w] f32 of 0 and 1, as large as what the network saw; undefined when masks were not asked for
};

// Everything that is likelier than `threshold`, the likeliest first and at most 300; of things of one kind that lie on
// each other (intersection over union above 0.7) only the likeliest. Boxes that are no numbers are left out.
std::vector<Detection> detections(const DetectorSaid& said, const Letterbox& box, double threshold, bool with_masks);

// A mask of what the network saw, as Impact-Pack brings it to the picture's size: without what its sides' ratio has
// more than the picture's, then enlarged, bilinear. [1,h,w] f32.
Tensor mask_of_picture(const Tensor& mask, Size picture);

// 1 inside of a box and on its sides, in whole pixels, else 0 (cv2.rectangle). [1,h,w] f32.
Tensor box_mask(const Detection& box, Size picture);

}  // namespace easel::image
