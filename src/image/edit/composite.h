// Compositing of pictures and latents. All are f32 [N,H,W,C], masks [N,H,W].
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "tensor/tensor.h"

namespace easel::image {

// The position of a source over its destination, in pixels. A latent pixel is `factor` pixels wide; for pictures it
// is 1.
struct Placement {
  int64_t x = 0, y = 0;
  int64_t factor = 1;
  bool stretch = false;  // first resize the source to the destination, bilinear
};

// source * mask + destination * (1 - mask) where the source lies, destination elsewhere; the mask (may be undefined:
// all 1) is resized to the source, and source and mask batches are repeated or cut to the destination's
// (ImageCompositeMasked, LatentCompositeMasked). Throws Error(kInvalid) when channels differ.
Tensor composite_masked(const Tensor& destination, const Tensor& source, const Tensor& mask, const Placement& place);

// LatentComposite: the source lies at place.x, place.y (place.stretch is ignored); those of its edges that lie inside
// the destination fade over `feather` pixels. Throws Error(kInvalid) when channels or batches do not fit.
Tensor composite_feathered(const Tensor& destination, const Tensor& source, const Placement& place, int64_t feather);

// Pillow's alpha_composite of bytes: `tile` [N,h,w,C], its corner at (left, top), laid over the opaque `canvas`
// [N,H,W,C] in place, where `alpha` [1,H,W], which is as large as the canvas, is above 0. Values are rounded to bytes
// k/255, and so is what is laid over. Throws Error(kInvalid) when a part of the tile lies outside of the canvas, or
// sizes, channels or batches do not fit.
void alpha_composite(Tensor& canvas, const Tensor& tile, const Tensor& alpha, int64_t left, int64_t top);

enum class BlendMode { kNormal, kMultiply, kScreen, kOverlay, kSoftLight, kDifference };
// The mode of a name that ComfyUI uses ("soft_light", ...). Throws Error(kInvalid) for any other name.
BlendMode blend_mode(std::string_view name);
// image1 * (1 - factor) + mode(image1, image2) * factor, clamped to 0..1; `image2` is resized to `image1` (bicubic,
// centre crop), and a batch of one is used with every picture of the other batch (ImageBlend).
Tensor blend_pictures(const Tensor& image1, const Tensor& image2, double factor, BlendMode mode);

// The operators of Porter and Duff, and a few more: "ADD", "CLEAR", ..., "XOR". Combines the pictures and alphas (1 =
// opaque) of source and destination. All are resized to the destination picture, bicubic; the result's batch is as long
// as the shortest of the four. Throws Error(kInvalid) for an unknown mode or different channels.
std::pair<Tensor, Tensor> porter_duff(const Tensor& source, const Tensor& source_alpha, const Tensor& destination,
                                      const Tensor& destination_alpha, std::string_view mode);

}  // namespace easel::image
