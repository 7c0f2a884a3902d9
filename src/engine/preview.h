// A rough picture of a latent, without a VAE.
#pragma once

#include "engine/events.h"
#include "tensor/tensor.h"

namespace easel::engine {

// The first of the latents [N,h,w,4], one pixel per cell, by a linear fit from latent channels to colours.
// `latent_scale` tells the two kinds of latents apart (ModelHandle). Empty for latents of another depth.
Preview latent_preview(const Tensor& latent, float latent_scale);

}  // namespace easel::engine
