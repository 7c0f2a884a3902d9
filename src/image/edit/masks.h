// Operations of nodes on masks: f32 [N,H,W], 1 = selected.
#pragma once

#include <cstdint>
#include <string_view>

#include "image/edit/pictures.h"
#include "tensor/tensor.h"

namespace easel::image {

// [1,height,width] of one value.
Tensor solid_mask(double value, Size size);

// One channel of pictures: 0 red, 1 green, 2 blue, 3 alpha. Throws Error(kInvalid) for one they do not have.
Tensor channel_mask(const Tensor& image, int64_t channel);
// "red", "green", "blue", "alpha" to 0..3. Throws Error(kInvalid) for any other.
int64_t channel_index(std::string_view name);

// 1 where a picture has the colour 0xRRGGBB to 8 bits, else 0. (ComfyUI before June 2024 gave 255 for 1.)
Tensor colour_mask(const Tensor& image, uint32_t colour);

// The mask as a grey picture [N,H,W,3].
Tensor mask_picture(const Tensor& mask);

// A part of a mask, fresh memory; smaller than asked for at the border. Throws Error(kInvalid) when nothing is left.
Tensor crop_mask(const Tensor& mask, Size size, int64_t x, int64_t y);

enum class MaskOperation { kMultiply, kAdd, kSubtract, kAnd, kOr, kXor };
// By ComfyUI's names, in lower case. Throws Error(kInvalid) for any other.
MaskOperation mask_operation(std::string_view name);
// Combines `source`, its corner at (x, y), with what lies under it; the result is cut to 0..1. The logical operations
// count 0.5 and below as 0. A source batch of one serves all destinations.
Tensor combine_masks(const Tensor& destination, const Tensor& source, int64_t x, int64_t y, MaskOperation operation);

// Fades towards the borders, linearly over the given number of pixels on each side. As in ComfyUI, the ramps at the
// right and the bottom are shifted inwards by one pixel, and their outermost factor falls on the first column and row.
Tensor feather_mask(const Tensor& mask, const Sides& sides);

// Grows (or, below 0, shrinks) what is selected by so many pixels; tapered corners make diamonds of points, else
// squares.
Tensor grow_mask(const Tensor& mask, int64_t pixels, bool tapered_corners);

// 1 above the value, else 0.
Tensor threshold_mask(const Tensor& mask, double value);

}  // namespace easel::image
