// People found in the maps of OpenPose's networks (Cao et al. 2017; Simon et al. 2017), as the preprocessors of
// ControlNets find and draw them.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "image/hints/byte_picture.h"
#include "tensor/tensor.h"

namespace easel::image {

struct Keypoint {
  double x = 0, y = 0, score = 1;
};
constexpr size_t kBodyParts = 18, kHandParts = 21;

// In pixels of the picture, or in parts of its sides.
struct Body {
  std::array<std::optional<Keypoint>, kBodyParts> parts;
};

// Bodies in a picture of H x W: `heat` [H,W,19] says where parts are, `fields` [H,W,38] in which direction limbs lead.
// In pixels. Throws Error(kUnsupported) for more places than people have.
std::vector<Body> find_bodies(const Tensor& heat, const Tensor& fields);

// A square, or what of it is inside the picture.
struct Square {
  int64_t x = 0, y = 0, side = 0;
};
// Where hands and the face of a body in pixels are to be looked for.
struct HandPlaces {
  std::optional<Square> left, right;
};
HandPlaces hand_places(const Body& body, int64_t height, int64_t width);
std::optional<Square> face_place(const Body& body, int64_t height, int64_t width);

// The places of a hand's parts in a piece of height x width pixels, from the mean [128,128,22] of what the network says
// at several sizes: (0, 0) where there is none.
std::vector<std::array<int64_t, 2>> hand_peaks(const Tensor& heat, int64_t height, int64_t width);
// Those of a face's parts, from [H,W,C]; parts that are nowhere are left out.
std::vector<std::array<int64_t, 2>> face_peaks(const Tensor& heat);

// In parts of the picture's sides, f32 as NumPy computes them; negative where there is none.
struct SmallPart {
  float x = 0, y = 0;
  bool found = true;  // else the network was not sure enough of any place
};
using SmallParts = std::vector<SmallPart>;
// Peaks of a piece at (x, y) in a picture of height x width.
SmallParts in_picture(const std::vector<std::array<int64_t, 2>>& peaks, int64_t x, int64_t y, int64_t height,
                      int64_t width);

struct Person {
  Body body;  // in parts of the picture's sides, or in pixels, as its small parts are
  SmallParts left_hand, right_hand, face;
};

struct PeopleDrawing {
  bool bodies = true, hands = true, faces = true;
  bool wide_sticks = false;  // wider in large pictures, as xinsir's ControlNets were trained
  bool in_pixels = false;    // places are, as DWPose's are
};
BytePicture drawn_people(const std::vector<Person>& people, int64_t height, int64_t width, const PeopleDrawing& what);

}  // namespace easel::image
