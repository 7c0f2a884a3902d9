// Masks that Segment Anything makes of parts, as Impact-Pack asks it.
#pragma once

#include <vector>

#include "nodes/extensions/impact/detectors.h"
#include "nodes/extensions/impact/segment/sam_hints.h"

namespace easel::nodes {

// All masks that are sure enough, of each part, or of all together with the hint "mask-points"; the best one where none
// is. [1,H,W] of 0 and 1 each. Throws Error(kInvalid) at the input `image` for several pictures.
std::vector<Tensor> sam_masks(const SamModel& model, const Segments& parts, const Tensor& picture, const SamHints& how,
                              Call& call);
// The same in one mask, grown as the hints say; all 0 if there are none.
Tensor sam_mask(const SamModel& model, const Segments& parts, const Tensor& picture, const SamHints& how, Call& call);
// Masks [1,H,W] of 0 and 1 in one.
Tensor masks_together(const std::vector<Tensor>& masks, const Tensor& picture);

}  // namespace easel::nodes
