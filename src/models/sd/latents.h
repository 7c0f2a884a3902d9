// The latents of Stable Diffusion's autoencoders.
#pragma once

#include "models/latent_format.h"

namespace easel::models::sd {

extern const LatentFormat kSd1Latents;   // SD 1.x and 2.x
extern const LatentFormat kSdxlLatents;  // SDXL and its refiner
extern const LatentFormat kPlaygroundLatents;

}  // namespace easel::models::sd
