// Tells from keys and shapes which family a checkpoint belongs to. File names are never looked at.
#pragma once

#include <optional>
#include <string>

#include "models/sd/variants.h"
#include "models/unet/unet.h"
#include "sampling/schedule/model_sampling.h"
#include "tensor/stored_tensor.h"

namespace easel::models::sd {

// The scope of the UNet in a file ("model.diffusion_model", or empty when it is at the top); nullopt when there is
// none in the original layout.
std::optional<std::string> find_unet_scope(const StoredTensors& file);

// Which member of the family a UNet is, null when none; `file` is asked for what the configuration leaves open (which
// CLIP vision an unCLIP model carries).
const Variant* detect_variant(const UNetConfig& config, const StoredTensors& file);

struct PredictionKind {
  sampling::Prediction prediction = sampling::Prediction::kEps;
  bool zero_terminal_snr = false;
};
// What the network was trained to predict. SD 2.x: v when the standard deviation of one bias of the last attention
// is above 0.09; SDXL: by marker keys. Throws Error(kUnsupported) for EDM models.
PredictionKind detect_prediction(const Variant& variant, const UNetConfig& config, const StoredTensors& file,
                                 const std::string& scope, const std::string& file_name);

}  // namespace easel::models::sd
