// A rough picture of a latent, without a VAE.
#pragma once

#include <optional>

#include "guidance/ksample.h"
#include "models/handles.h"
#include "models/latent_format.h"
#include "node_api/context.h"
#include "node_api/node_events.h"
#include "tensor/tensor.h"

namespace easel::nodes {

// The first of the latents [N,h,w,C], scaled as the model sees them: one pixel for each latent pixel, in the preview
// colours of their format. Empty if their number of channels is not the format's, or if the format has no preview
// colours.
Preview latent_preview(const Tensor& latent, const models::LatentFormat& format);

// Tells whoever watches a run of a sampler's steps, with a preview where one is wanted.
class StepReporter {
 public:
  // Previews by TAESD need its decoder's file among the vae_approx models; without it a warning says so, once, and they
  // are made of the latent's colours.
  StepReporter(const Context& context, const models::LatentFormat& format);

  void operator()(const sampling::SamplerProgress& step);

 private:
  Preview preview(const Tensor& latent);
  void open_tiny_vae();

  const Context& context_;
  const models::LatentFormat& format_;
  bool opened_ = false;
  std::optional<models::VaeHandle> tiny_;
};

}  // namespace easel::nodes
