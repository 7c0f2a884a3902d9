// Finds an autoencoder in a file, whatever layout its publisher chose.
#pragma once

#include <memory>

#include "tensor/stored_tensor.h"

namespace easel::models {

// The tensors of the VAE in a checkpoint (below first_stage_model.), in a stand-alone file, or in a file in the
// diffusers library's layout, under the names of the original layout: encoder.*, decoder.*, quant_conv.*,
// post_quant_conv.*. Or those of TAESD, as ComfyUI keeps both halves in one file: taesd_encoder.*, taesd_decoder.*,
// vae_scale, vae_shift. Views: nothing is copied. nullptr when the file holds none.
std::shared_ptr<const StoredTensors> vae_tensors(const StoredTensors& file);

// Which half of TAESD a file holds, as it is published: taesd_encoder.*, taesd_decoder.*, each a plain list of layers.
enum class TinyHalf { kNone, kEncoder, kDecoder };
TinyHalf tiny_half(const StoredTensors& file);

// Both halves under the names of vae_tensors(), with the scale of the latents they were trained on: SDXL's or SD's.
// `encoder` may be null.
std::shared_ptr<const StoredTensors> tiny_vae_tensors(const StoredTensors* encoder, const StoredTensors& decoder,
                                                      bool sdxl);

}  // namespace easel::models
