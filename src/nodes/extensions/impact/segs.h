// SEGS: parts of a picture that Impact-Pack's nodes find, combine and draw anew.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "image/inpaint/mask_parts.h"
#include "node_api/node.h"

namespace easel::nodes {

// One part. `bounds` is in whole pixels what `box` says exactly.
struct Segment : image::MaskPart {
  Segment() = default;
  explicit Segment(image::MaskPart part)
      : image::MaskPart(std::move(part)),
        box{static_cast<double>(bounds.x1), static_cast<double>(bounds.y1), static_cast<double>(bounds.x2),
            static_cast<double>(bounds.y2)} {}

  struct Box {
    double left = 0, top = 0, right = 0, bottom = 0;
    double width() const { return right - left; }
    double height() const { return bottom - top; }
  } box;
  double confidence = 1;
  std::string label = "A";
  Tensor picture;  // [n,h,w,C] of `crop`, or undefined
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
    for (const Segment& part : segments.items)
      out += part.mask.nbytes() + (part.picture.defined() ? part.picture.nbytes() : 0);
    return out;
  }
};

// None, of a picture of the same size.
inline Segments none_of(const Segments& all) { return {.height = all.height, .width = all.width, .items = {}}; }

// All parts in one mask [1,H,W]; for those of no picture Error(kInvalid) at the input `segs`.
Tensor combined_mask(const Segments& all);
// What the parts have in common with a mask, bit by bit of their bytes. Throws Error(kMismatch) at the input `mask` if
// that is too small.
Segments within_mask(const Segments& all, const Tensor& mask);
// Masks grown by so many pixels, or shrunk below 0.
Segments dilated(Segments all, int64_t dilation);
// A mask [1,H,W] grown by so many pixels, or shrunk below 0.
Tensor dilated(const Tensor& mask, int64_t dilation);
// Those whose label stands in a text of names with commas between them, and the others. "all" means all; "eyes",
// "eyebrows" and "pupils" mean those of both sides.
std::pair<Segments, Segments> by_label(const Segments& all, const std::string& labels);

// Blurred by a Gaussian of 2 radius + 1 pixels and such a sigma, and of fewer pixels where the mask is small. Masks of
// a pixel or two, and a radius of 0, stay as they are.
Tensor softened(const Tensor& mask, int64_t radius, double sigma = 10.0);

}  // namespace easel::nodes
