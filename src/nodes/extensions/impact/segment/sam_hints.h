// How Segment Anything is told where to look, as Impact-Pack's nodes ask for it.
#pragma once

#include <string>

#include "node_api/node.h"

namespace easel::nodes {

struct SamHints {
  std::string hint, use_negative;  // the first choices: "center-1", "False"
  int64_t dilation = 0, expansion = 0;
  double sure = 0.93, mask_threshold = 0.7;
};

// Its inputs, by the names that nodes have for them.
template <class P>
Input<P> sam_hint_input(const char* name) {
  return Choice(name, &SamHints::hint,
                {"center-1", "horizontal-2", "vertical-2", "rect-4", "diamond-4", "mask-area", "mask-points",
                 "mask-point-bbox", "none"})
      .tip("Which points of a part stand for it.");
}
template <class P>
Input<P> sam_dilation_input(const char* name) {
  return Int(name, &SamHints::dilation).range(-512, 512).step(1).tip("How much the masks grow, or shrink below 0.");
}
template <class P>
Input<P> sam_threshold_input(const char* name) {
  return Float(name, &SamHints::sure)
      .range(0.0, 1.0)
      .step(0.01)
      .tip("Masks of less than this are left out, unless there is no other.");
}
template <class P>
Input<P> sam_expansion_input(const char* name) {
  return Int(name, &SamHints::expansion).range(0, 1000).step(1).tip("How much larger the boxes are that it is shown.");
}
template <class P>
Input<P> sam_mask_threshold_input(const char* name) {
  return Float(name, &SamHints::mask_threshold)
      .range(0.0, 1.0)
      .step(0.01)
      .tip("With mask-area: which pixels of a mask are points.");
}
template <class P>
Input<P> sam_negative_input(const char* name) {
  return Choice(name, &SamHints::use_negative, {"False", "Small", "Outter"})
      .tip("Whether small parts, or points around a part, say what is not meant.");
}

}  // namespace easel::nodes
