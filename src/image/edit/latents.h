// Operations of nodes on latents, f32 [N,h,w,C], other than resizing and compositing (resize.h, composite.h).
#pragma once

#include <cstdint>
#include <utility>

#include "image/scale/resize.h"
#include "tensor/tensor.h"

namespace easel::image {

// Operations on two latents resize `latent2` to `latent1` (bilinear, centre crop) and repeat or cut its batch. They
// throw Error(kInvalid) if the channels differ.
Tensor add_latents(const Tensor& latent1, const Tensor& latent2);
Tensor subtract_latents(const Tensor& latent1, const Tensor& latent2);
// Mixes the directions of the channel vectors with the weights ratio and 1 - ratio, and their lengths likewise
// (LatentInterpolate).
Tensor interpolate_latents(const Tensor& latent1, const Tensor& latent2, double ratio);

// latent1 * factor + latent2 * (1 - factor); `latent2` is resized to `latent1`, bicubic (LatentBlend). A batch of one
// is used with every latent of the other batch.
Tensor blend_latents(const Tensor& latent1, const Tensor& latent2, double factor);

Tensor multiply_latent(const Tensor& latent, double factor);

enum class Flip { kVertical, kHorizontal };
Tensor flip(const Tensor& image, Flip axis);
// Rotates clockwise by a number of quarter turns.
Tensor rotate(const Tensor& image, int64_t quarters);

// The corner {x, y} in latent pixels of a rectangle that is given in pixels; a latent pixel is `factor` pixels wide. If
// it is closer than eight latent pixels to the far edge, it is moved away from it (LatentCrop).
std::pair<int64_t, int64_t> latent_corner(Size latent, int64_t x, int64_t y, int64_t factor);
// That rectangle of a latent.
Tensor crop_latent(const Tensor& latent, int64_t width, int64_t height, int64_t x, int64_t y, int64_t factor);

}  // namespace easel::image
