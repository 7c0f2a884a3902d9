// A rough picture of a latent, without a VAE.
#pragma once

#include "engine/events.h"
#include "models/latent_format.h"
#include "tensor/tensor.h"

namespace easel::engine {

// The first of the latents [N,h,w,C], as the model sees them, one pixel for each latent pixel, in the colours of their
// format. Empty for latents of another depth, and where the format has no colours.
Preview latent_preview(const Tensor& latent, const models::LatentFormat& format);

}  // namespace easel::engine
