// Cutting, placing and repeating pictures, masks and latents: all are [N,H,W,...] f32.
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace easel::nodes {

// Rows [0, n): cut, or the whole repeated in order as often as needed (comfy.utils.repeat_to_batch_size).
Tensor repeat_to_batch(const Tensor& t, int64_t n);

// Both on top of each other along the batch. The shapes must agree beyond it.
Tensor join_batches(const Tensor& a, const Tensor& b);

// A rectangle, cut at the borders like Python's slices; never empty: throws Error(kInvalid) when it lies outside.
Tensor cut(const Tensor& t, int64_t y, int64_t x, int64_t height, int64_t width);

// A mask [N,H,W] at another size, torch's bilinear.
Tensor resize_mask(const Tensor& mask, int64_t height, int64_t width);

// `source` over a copy of `destination` at (x, y), which may be negative; what falls outside is lost. `mask` [n,H,W]
// of any size says where source shows; undefined: everywhere. Both have the same rank and channels.
Tensor composite(const Tensor& destination, const Tensor& source, int64_t x, int64_t y, const Tensor& mask);

// Mirrored top to bottom, or left to right.
Tensor flip(const Tensor& t, bool vertical);
// Turned clockwise by a quarter, `quarters` times.
Tensor rotate(const Tensor& t, int quarters);

}  // namespace easel::nodes
