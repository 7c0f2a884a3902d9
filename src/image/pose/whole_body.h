// What comes before and after DWPose's two networks (Yang et al. 2023; Ge et al. 2021, "YOLOX"; Jiang et al. 2023,
// "RTMPose"): a picture for the detector and the boxes it found, a piece for the estimator and the places it found, as
// comfyui_controlnet_aux does it.
#pragma once

#include <array>
#include <vector>

#include "image/pose/people.h"
#include "tensor/tensor.h"

namespace easel::image {

// [1,3,640,640] f32 bytes: the picture as large as fits, in the upper left corner of grey. `ratio` is its new size over
// the old.
constexpr int64_t kDetectorSide = 640;
Tensor detector_pixels(const BytePicture& picture, double& ratio);

struct Box {
  float left = 0, top = 0, right = 0, bottom = 0;
};
// The boxes of people in what the detector says, [1,8400,85] f32: for each cell of three grids its box, how likely
// there is a thing, and how likely it is each of 80 kinds. The likeliest first, none that is mostly another one.
// Throws Error(kBadFile) for another shape.
std::vector<Box> people_boxes(const Tensor& said, double ratio);

// The part of the picture that the estimator sees: a box with a margin, in the shape of what the network takes.
struct PosePiece {
  Tensor pixels;                           // [1,3,H,W] f32, colours normalised as ImageNet's
  std::array<double, 2> centre{}, size{};  // x and y, in pixels of the picture
};
PosePiece pose_piece(const BytePicture& picture, const Box& box, Size network);

// The person in what the estimator says: 133 parts, for each how likely it is at half pixels along x, [1,133,2W], and
// along y, [1,133,2H]. In pixels of the picture. Throws Error(kBadFile) for other shapes.
Person person_of(const Tensor& along_x, const Tensor& along_y, const PosePiece& piece, Size network);

}  // namespace easel::image
