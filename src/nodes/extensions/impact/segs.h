// SEGS: parts of a picture that Impact-Pack's nodes find, combine and draw anew.
#pragma once

#include <cstdint>
#include <vector>

#include "image/inpaint/mask_parts.h"
#include "node_api/node.h"

namespace easel::nodes {

struct Segments {
  int64_t height = 0, width = 0;  // of the picture or mask that they were found in
  std::vector<image::MaskPart> items;
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
    for (const image::MaskPart& part : segments.items) out += part.mask.nbytes();
    return out;
  }
};

// Blurred by a Gaussian of 2 radius + 1 pixels and such a sigma, and of fewer pixels where the mask is small. Masks of
// a pixel or two, and a radius of 0, stay as they are.
Tensor softened(const Tensor& mask, int64_t radius, double sigma = 10.0);

}  // namespace easel::nodes
