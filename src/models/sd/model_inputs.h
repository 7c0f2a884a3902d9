// What each model family wants beside the latent and the text: the vector y, and more latent channels.
#pragma once

#include <cstdint>

#include "models/conditioning.h"
#include "models/handles.h"
#include "models/network.h"
#include "sampling/random/torch_random.h"

namespace easel::models {

struct ModelInputContext {
  const ModelHandle& model;
  Shape latent;         // [N,h,w,C]
  Tensor latent_image;  // of that shape, scaled for the model
  Tensor noise_mask;    // [N,h,w], 1 where the picture is to change; undefined without
  uint64_t seed = 0;    // of the sampling run
  sampling::TorchGenerator& random;
};

// The network's inputs for one conditioning entry:
//  - unCLIP: the augmented image embeds, or zeros without an image;
//  - SDXL: pooled text (or augmented image embeds) and sinusoids of the sizes (Podell et al. 2023, sec. 2.2); the
//    refiner: sizes and an aesthetic score instead of the target size;
//  - inpainting models (9 channels): the mask and the picture without the masked part, or a blank one;
//  - edit models (8 channels): the picture to edit, or zeros.
// Throws Error(kMismatch) where the conditioning lacks what the model needs, naming the model file and the fix.
NetworkInputs make_network_inputs(const ConditioningEntry& entry, bool negative, const ModelInputContext& context);

}  // namespace easel::models
