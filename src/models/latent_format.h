// The format of a family's latents, as data that the family owns.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "tensor/tensor.h"

namespace easel::models {

// Latents are f32 [N,h,w,channels]. The VAE's latents are shifted and scaled for the diffusion model.
struct LatentFormat {
  using Colour = std::array<float, 3>;  // red, green, blue

  std::string_view name;
  int64_t channels = 0;
  int64_t factor = 0;  // pixels of the picture along a side of one latent pixel
  float scale = 1.0f;  // the model takes (latent - shift) * scale
  float shift = 0.0f;
  // Where channels were brought to a common mean and deviation instead: (latent - means[c]) * scale / deviations[c].
  // One value for each channel, or both empty; `shift` is 0 then.
  std::span<const float> means = {}, deviations = {};
  // A preview in -1..1 without a VAE: the sum of latent[c] * colours[c], plus the bias, for a latent in the model's
  // scale. One colour for each channel; empty if no fit is known.
  std::span<const Colour> colours = {};
  Colour colour_bias = {};
  // The small VAE that shows such latents, by the name its files begin with ("taesd"); empty if there is none.
  std::string_view tiny_vae = {};
  // One latent pixel of a picture that is zero everywhere, in the model's scale: the masked picture of inpainting
  // models if none is given. One value for each channel; empty if it is not known.
  std::span<const float> blank = {};

  // From the VAE's scale to the model's, and back. They return new tensors.
  Tensor to_model(const Tensor& latent) const;
  Tensor from_model(const Tensor& latent) const;
};

// The format of a latent that comes from no VAE and names none (EmptyLatentImage, areas given in pixels, latents in
// files): ComfyUI's own default, that of Stable Diffusion 1.x.
const LatentFormat& default_latents();

}  // namespace easel::models
