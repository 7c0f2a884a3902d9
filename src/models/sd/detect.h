// Recognises which member of the family a checkpoint is, by keys and shapes. File names do not matter.
#pragma once

#include <optional>
#include <string>

#include "models/sd/variants.h"
#include "models/unet/unet.h"
#include "sampling/schedule/edm_sampling.h"
#include "sampling/schedule/model_sampling.h"
#include "tensor/stored_tensor.h"

namespace easel::models::sd {

// The scope of the UNet in a file ("model.diffusion_model", or empty if it is at the top); nullopt if the file has none
// in the original layout.
std::optional<std::string> find_unet_scope(const StoredTensors& file);

// The member of the family that a UNet is, or null. What the configuration leaves open (the CLIP vision model of an
// unCLIP checkpoint) is read from `file`.
const Variant* detect_variant(const UNetConfig& config, const StoredTensors& file);

struct PredictionKind {
  sampling::Prediction prediction = sampling::Prediction::kEps;
  bool zero_terminal_snr = false;
  std::optional<sampling::EdmSampling::Options> edm;  // continuous noise levels instead of discrete ones
};
// What the network was trained to predict. SD 2.x: v if the standard deviation of one bias of the last attention is
// above 0.09; SDXL: by marker keys ("v_pred", "ztsnr"; "edm_mean" and "edm_std" of Playground 2.5;
// "edm_vpred.sigma_max" and optionally "edm_vpred.sigma_min" of CosXL, which hold the noise levels). Throws
// Error(kBadFile) if those are not valid noise levels.
PredictionKind detect_prediction(const Variant& variant, const UNetConfig& config, const StoredTensors& file,
                                 const std::string& scope, const std::string& file_name);

}  // namespace easel::models::sd
