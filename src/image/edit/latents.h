// Operations of nodes on latents, f32 [N,h,w,C], other than resizing and compositing (resize.h, composite.h).
#pragma once

#include <cstdint>
#include <utility>

#include "image/scale/resize.h"
#include "tensor/tensor.h"

namespace easel::image {

// In operations on two latents the second is resized to the first (bilinear, centre crop), and its batch is repeated or
// cut. They throw Error(kInvalid) if the channels differ.
Tensor add_latents(const Tensor& first, const Tensor& second);
Tensor subtract_latents(const Tensor& first, const Tensor& second);
// Mixes directions by ratio : 1 - ratio and normalises them; lengths are mixed likewise (LatentInterpolate).
Tensor interpolate_latents(const Tensor& first, const Tensor& second, double ratio);

// first * factor + second * (1 - factor); the second is resized to the first, bicubic (LatentBlend). A batch of one is
// used for all of the other batch.
Tensor blend_latents(const Tensor& first, const Tensor& second, double factor);

Tensor multiply_latent(const Tensor& latent, double factor);

enum class Flip { kVertical, kHorizontal };
Tensor flip(const Tensor& image, Flip axis);
// Rotates clockwise by a number of quarter turns.
Tensor rotate(const Tensor& image, int64_t quarters);

// A part, given in pixels, of which `factor` make a latent pixel. The corner is moved so that eight latent pixels are
// left where there are as many (LatentCrop).
// The corner {x, y} in latent pixels that this gives a latent of a size.
std::pair<int64_t, int64_t> latent_corner(Size latent, int64_t x, int64_t y, int64_t factor);
Tensor crop_latent(const Tensor& latent, int64_t width, int64_t height, int64_t x, int64_t y, int64_t factor);

}  // namespace easel::image
