// What nodes do to latents, f32 [N,h,w,C], beside resizing and laying them over one another (resize.h, composite.h).
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace easel::image {

// Of two latents the second is brought to the first one's size (bilinear, cut in the middle) and batch (repeated or
// cut). Throw Error(kInvalid) when channels differ.
Tensor add_latents(const Tensor& first, const Tensor& second);
Tensor subtract_latents(const Tensor& first, const Tensor& second);
// Directions mixed as ratio : 1 - ratio and made unit, lengths mixed likewise (LatentInterpolate).
Tensor interpolate_latents(const Tensor& first, const Tensor& second, double ratio);

// first * factor + second * (1 - factor); the second is brought to the first one's size, bicubic (LatentBlend). A
// batch of one serves all of the other.
Tensor blend_latents(const Tensor& first, const Tensor& second, double factor);

Tensor multiply_latent(const Tensor& latent, double factor);

enum class Flip { kVertical, kHorizontal };
Tensor flip(const Tensor& image, Flip axis);
// Clockwise by so many quarters of a turn.
Tensor rotate(const Tensor& image, int64_t quarters);

// A part, given in pixels, of which `factor` make a latent pixel. The corner is moved so that eight latent pixels are
// left where there are as many (LatentCrop).
Tensor crop_latent(const Tensor& latent, int64_t width, int64_t height, int64_t x, int64_t y, int64_t factor);

}  // namespace easel::image
