// What lies under a mask replaced by something for the sampler to begin with. f32 [N,H,W,C] and masks [N,H,W].
#pragma once

#include <cstdint>

#include "image/inpaint/marching.h"
#include "tensor/tensor.h"

namespace easel::image {

// How much of each pixel is replaced: 1 where the mask is 0.99 or more, falling to 0 over `falloff` pixels inside of
// it; 0 elsewhere. f32 [N,H,W].
Tensor replaced_part(const Tensor& mask, int64_t falloff);

// Grey (0.5) under the mask. Throws Error(kInvalid) unless there are as many masks as pictures, of their size.
Tensor fill_neutral(const Tensor& image, const Tensor& mask, int64_t falloff);

// The holes closed (marching.h, radius 3) as pixels of 8 bits, cut down to them, and put under the mask. Throws as
// fill_neutral() does, and for pictures that are not of three channels.
Tensor fill_holes(const Tensor& image, const Tensor& mask, int64_t falloff, HoleFilling how);

// Blurred (mask_filters.h, gaussian()) by `size` pixels under the mask. The falloff is at most size - 2. One mask
// serves all pictures. Throws Error(kInvalid) for other sizes, other channels than three, and as gaussian() does.
Tensor blur_under(const Tensor& image, const Tensor& mask, int64_t size, int64_t falloff);

// `target` with the mean and the deviation of the colours of `reference`, channel by channel in L*a*b* (Reinhard et al.
// 2001). What `exclude` (may be undefined; resized to each picture) selects with 0.5 or more is left out: it counts as
// 0 in the sums, as in the node this comes from. `strength` 0..1 mixes with the target. [N,H,W,3], cut to 0..1.
Tensor match_colours(const Tensor& target, const Tensor& reference, const Tensor& exclude, double strength);

}  // namespace easel::image
