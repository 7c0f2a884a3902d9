// What the latents of a family are, as data that the family owns.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "tensor/tensor.h"

namespace easel::models {

// Latents are f32 [N,h,w,channels]. What a VAE encodes is shifted and scaled on its way into the diffusion model.
struct LatentFormat {
  using Colour = std::array<float, 3>;  // red, green, blue

  std::string_view name;
  int64_t channels = 0;
  int64_t factor = 0;  // pixels of the picture along a side of one latent pixel
  float scale = 1.0f;  // the model sees (latent - shift) * scale
  float shift = 0.0f;
  // A rough picture in -1..1 without a VAE: the sum of latent[c] * colours[c], plus the bias, of a latent as the model
  // sees it. One colour for each channel; empty when no fit is known.
  std::span<const Colour> colours = {};
  Colour colour_bias = {};
  // One latent pixel of a picture that is zero everywhere, as the model sees it: what inpainting models are given
  // where nobody says what is around the mask. One value for each channel; empty when it is not known.
  std::span<const float> blank = {};

  // What the VAE encodes, as the model sees it; and back. Fresh tensors.
  Tensor to_model(const Tensor& latent) const;
  Tensor from_model(const Tensor& latent) const;
};

// The format of a latent that comes from no VAE and names none (EmptyLatentImage, areas given in pixels, latents in
// files): ComfyUI's own default, that of Stable Diffusion 1.x.
const LatentFormat& default_latents();

}  // namespace easel::models
