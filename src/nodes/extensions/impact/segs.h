// SEGS: parts of a picture that Impact-Pack's nodes find, combine and draw anew.
#pragma once

#include <cstdint>
#include <vector>

#include "node_api/node.h"
#include "tensor/tensor.h"

namespace easel::nodes {

// In pixels of the whole picture, without x2 and y2.
struct Box {
  int64_t x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  int64_t width() const { return x2 - x1; }
  int64_t height() const { return y2 - y1; }
};

struct Segment {
  Tensor mask;  // [1,h,w], of `crop`
  Box crop;     // the part that is looked at
  Box bounds;   // the part that was found, inside of it
};

struct Segments {
  int64_t height = 0, width = 0;  // of the picture or mask that they were found in
  std::vector<Segment> items;
};

// What is known of them ahead.
struct ForeseenSegments {
  int64_t height = 0, width = 0;
};

template <>
struct LinkType<Segments> {
  static constexpr const char* kName = "SEGS";
  using Held = Segments;
  using Foreseen = ForeseenSegments;
  static size_t bytes(const Segments& segments) {
    size_t out = 0;
    for (const Segment& one : segments.items) out += one.mask.nbytes();
    return out;
  }
};

struct Finding {
  bool combined = false;      // what is in a mask is one part, not as many as do not touch each other
  double crop_factor = 3.0;   // sides of `crop` by those of `bounds`
  bool fill_bounds = false;   // all of `bounds` is selected
  int64_t drop_size = 10;     // parts whose width or height is no larger are left out
  bool fill_contour = false;  // parts are selected wholly, with their holes, whatever values they have
};

// The parts of each of the masks [N,H,W]; of those in one mask the lowest come first, as OpenCV gives them.
Segments segments_of(const Tensor& masks, const Finding& how);

// Blurred by a Gaussian of 2 radius + 1 pixels and such a sigma, and of fewer pixels where the mask is small. Masks of
// a pixel or two, and a radius of 0, stay as they are.
Tensor softened(const Tensor& mask, int64_t radius, double sigma = 10.0);

}  // namespace easel::nodes
