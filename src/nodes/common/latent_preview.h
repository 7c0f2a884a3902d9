// A rough picture of a latent, without a VAE.
#pragma once

#include "guidance/ksample.h"
#include "models/latent_format.h"
#include "node_api/node_events.h"
#include "tensor/tensor.h"

namespace easel::nodes {

// The first of the latents [N,h,w,C], as the model sees them, one pixel for each latent pixel, in the colours of their
// format. Empty for latents of another depth, and where the format has no colours.
Preview latent_preview(const Tensor& latent, const models::LatentFormat& format);

// Tells whoever watches the run of a sampler's step, with a preview where one is wanted and the format is known.
void report_step(NodeEvents& events, const sampling::SamplerProgress& step, const models::LatentFormat* format);

}  // namespace easel::nodes
