// Compositing of pictures and latents. All are f32 [N,H,W,C], masks [N,H,W].
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "tensor/tensor.h"

namespace easel::image {

// The position of a source over its destination, in pixels. A latent pixel has `factor` of them; for pictures it is 1.
struct Placement {
  int64_t x = 0, y = 0;
  int64_t factor = 1;
  bool stretch = false;  // first resize the source to the destination, bilinear
};

// source * mask + destination * (1 - mask) where the source lies, destination elsewhere; the mask (may be undefined:
// all 1) is resized to the source, and source and mask batches are repeated or cut to the destination's
// (ImageCompositeMasked, LatentCompositeMasked). Throws Error(kInvalid) when channels differ.
Tensor composite_masked(const Tensor& destination, const Tensor& source, const Tensor& mask, const Placement& place);

// LatentComposite: the source lies at place.x, place.y (place.stretch is not looked at) and fades over `feather` pixels
// at its edges inside the destination. Throws Error(kInvalid) when channels or batches do not fit.
Tensor composite_feathered(const Tensor& destination, const Tensor& source, const Placement& place, int64_t feather);

enum class BlendMode { kNormal, kMultiply, kScreen, kOverlay, kSoftLight, kDifference };
// By ComfyUI's names ("soft_light", ...). Throws Error(kInvalid) for any other.
BlendMode blend_mode(std::string_view name);
// first * (1 - factor) + mode(first, second) * factor, cut to 0..1; the second picture is resized to the first,
// bicubic, cut in the middle, and a batch of one serves all of the other (ImageBlend).
Tensor blend_pictures(const Tensor& first, const Tensor& second, double factor, BlendMode mode);

// The operators of Porter and Duff, and a few more: "ADD", "CLEAR", ..., "XOR". Combines the pictures and alphas (1 =
// opaque) of source and destination. All are resized to the destination picture, bicubic; the shortest batch counts.
// Throws Error(kInvalid) for an unknown mode or different channels.
std::pair<Tensor, Tensor> porter_duff(const Tensor& source, const Tensor& source_alpha, const Tensor& destination,
                                      const Tensor& destination_alpha, std::string_view mode);

}  // namespace easel::image
