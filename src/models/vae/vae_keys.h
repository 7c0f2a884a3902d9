// Finds an autoencoder in a file, whatever layout its publisher chose.
#pragma once

#include <memory>

#include "tensor/stored_tensor.h"

namespace easel::models {

// The tensors of the VAE in a checkpoint (below first_stage_model.), in a stand-alone file, or in a file in the
// diffusers library's layout, under the names of the original layout: encoder.*, decoder.*, quant_conv.*,
// post_quant_conv.*. Views: nothing is copied. nullptr when the file holds none.
std::shared_ptr<const StoredTensors> vae_tensors(const StoredTensors& file);

}  // namespace easel::models
