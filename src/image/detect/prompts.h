// What Segment Anything is shown: a picture, and places in it (Kirillov et al. 2023, segment-anything's predictor).
#pragma once

#include <array>
#include <vector>

#include "image/hints/byte_picture.h"

namespace easel::image {

// The side of the square that the network sees.
inline constexpr int64_t kSegmentSide = 1024;

// A picture's size with its longer side so long.
Size segment_size(Size picture);
// The picture at that size (Pillow's bilinear on bytes), its colours normalised as ImageNet's, in the upper left corner
// of zeros: [1,1024,1024,3] f32.
Tensor segment_pixels(const BytePicture& picture);

// Where to look, in pixels of the picture.
struct SegmentPrompt {
  struct Point {
    double x = 0, y = 0;
    bool wanted = true;  // else it says what is not meant
  };
  std::vector<Point> points;
  bool has_box = false;
  std::array<double, 4> box{};  // left, top, right, bottom
};
// Points of a mask [1,h,w] a twentieth of its sides apart, at least 3 pixels: those above a threshold, and with `dark`
// those that are 0 as well, which are not wanted.
std::vector<SegmentPrompt::Point> points_of_mask(const Tensor& mask, double threshold, bool dark);

// A place as the network takes it, from 0 to 1 along the square's sides, and what it stands for.
struct SegmentPlace {
  // Of a point that is not meant, of one that is, of a box's two corners; and of a point that is none, which stands
  // where there is no box.
  enum class Role : uint8_t { kUnwanted, kWanted, kFirst, kSecond, kNone };
  double x = 0, y = 0;
  Role role = Role::kNone;
};
std::vector<SegmentPlace> segment_places(const SegmentPrompt& prompt, Size picture);

// Sines and cosines of places by a matrix [2,n], 2n for each: [count,2n] f32. A place that is none has zeros.
Tensor place_codes(const std::vector<SegmentPlace>& places, const std::vector<float>& matrix);
// Those of the middles of side x side cells, row after row: [side side,2n].
Tensor cell_codes(int64_t side, const std::vector<float>& matrix);

// Masks [1,h,w,count] f32 of the square, brought to the picture's size: 1 where they are above 0, else 0, [1,H,W] each.
std::vector<Tensor> segment_masks(const Tensor& masks, Size picture);

}  // namespace easel::image
