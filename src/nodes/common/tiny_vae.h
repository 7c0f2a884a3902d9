// TAESD, the small VAE, by the files it is published in.
#pragma once

#include <filesystem>

#include "models/handles.h"
#include "node_api/context.h"

namespace easel::nodes {

// The VAE whose decoder or encoder is `half`: taesd_decoder.safetensors, taesdxl_encoder.pth, ... The other half lies
// beside it under the corresponding name, with any ending; without an encoder the VAE only decodes. Names with "xl" in
// them are for SDXL's latents. Throws Error(kMissing) without a decoder.
models::VaeHandle open_tiny_vae(const Context& context, const std::filesystem::path& half);

}  // namespace easel::nodes
