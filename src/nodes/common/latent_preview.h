// A rough picture of a latent, without a VAE.
#pragma once

#include "guidance/ksample.h"
#include "models/latent_format.h"
#include "node_api/node_events.h"
#include "tensor/tensor.h"

namespace easel::nodes {

// The first of the latents [N,h,w,C], scaled as the model sees them: one pixel for each latent pixel, in the preview
// colours of their format. Empty if their number of channels is not the format's, or if the format has no preview
// colours.
Preview latent_preview(const Tensor& latent, const models::LatentFormat& format);

// Reports a sampler's step, with a preview if one is wanted and the format is known.
void report_step(NodeEvents& events, const sampling::SamplerProgress& step, const models::LatentFormat* format);

}  // namespace easel::nodes
