// Tells from keys and shapes which family a checkpoint belongs to. File names are never looked at.
#pragma once

#include <optional>
#include <string>

#include "models/handles.h"
#include "tensor/stored_tensor.h"

namespace easel::models {

// The scope of the UNet in a file ("model.diffusion_model", or empty when it is at the top); nullopt when there is
// none in the original layout.
std::optional<std::string> find_unet_scope(const StoredTensors& file);

// What a file of another kind of model seems to be ("Flux", "SD 3", ...), or empty: for messages.
std::string foreign_model(const StoredTensors& file);

// The family of a UNet; `file` is asked for what the configuration leaves open (which CLIP vision an unCLIP
// model carries).
Family detect_family(const UNetConfig& config, const StoredTensors& file);

struct PredictionKind {
  sampling::Prediction prediction = sampling::Prediction::kEps;
  bool zero_terminal_snr = false;
};
// What the network was trained to predict. SD 2.x: v when the standard deviation of one bias of the last attention
// is above 0.09; SDXL: by marker keys. Throws Error(kUnsupported) for EDM models.
PredictionKind detect_prediction(Family family, const UNetConfig& config, const StoredTensors& file,
                                 const std::string& scope, const std::string& file_name);

// What the latents of a family are; those of SD 1.x for an unknown one.
const LatentFormat& latents_of(Family family);

}  // namespace easel::models
