// Operations of nodes on masks: f32 [N,H,W], 1 = selected.
#pragma once

#include <cstdint>
#include <string_view>

#include "image/edit/pictures.h"
#include "tensor/tensor.h"

namespace easel::image {

// A mask [1,height,width] of one value.
Tensor solid_mask(double value, Size size);

// One channel of pictures: 0 red, 1 green, 2 blue, 3 alpha. Throws Error(kInvalid) for a channel that they do not have.
Tensor channel_mask(const Tensor& image, int64_t channel);
// The number, 0 to 3, of the channel "red", "green", "blue" or "alpha". Throws Error(kInvalid) for any other name.
int64_t channel_index(std::string_view name);

// 1 where a picture has the colour 0xRRGGBB to 8 bits, else 0. (ComfyUI before June 2024 gave 255 for 1.)
Tensor colour_mask(const Tensor& image, uint32_t colour);

// The mask as a grey picture [N,H,W,3].
Tensor mask_picture(const Tensor& mask);

// A rectangle of a mask, in memory of its own; at the border it is smaller than `size`. Throws Error(kInvalid) when
// nothing of it lies inside the mask.
Tensor crop_mask(const Tensor& mask, Size size, int64_t x, int64_t y);

enum class MaskOperation { kMultiply, kAdd, kSubtract, kAnd, kOr, kXor };
// The operation of a name that ComfyUI uses, in lower case. Throws Error(kInvalid) for any other name.
MaskOperation mask_operation(std::string_view name);
// Combines `source`, its corner at (x, y), with the part of `destination` under it; the result is clamped to 0..1. The
// logical operations count 0.5 and below as 0. A source batch of one is used with every destination.
Tensor combine_masks(const Tensor& destination, const Tensor& source, int64_t x, int64_t y, MaskOperation operation);

// Fades towards the borders, linearly over the given number of pixels on each side. As in ComfyUI, the ramps at the
// right and the bottom are shifted inwards by one pixel, and their outermost factor falls on the first column and row.
Tensor feather_mask(const Tensor& mask, const Sides& sides);

// Grows the selected part by so many pixels, or shrinks it if `pixels` is negative. With tapered corners a point grows
// to a diamond, otherwise to a square.
Tensor grow_mask(const Tensor& mask, int64_t pixels, bool tapered_corners);

// Rounds the mask to 0 or 1 and sets every pixel to 1 whose window of `size` x `size` pixels contains a 1; the window
// begins size / 2 (rounded down) pixels above and to the left of the pixel (VAEEncodeForInpaint). A size of 0 only
// rounds.
Tensor dilate_mask(const Tensor& mask, int64_t size);

// 1 where the mask is above `value`, else 0.
Tensor threshold_mask(const Tensor& mask, double value);

}  // namespace easel::image
