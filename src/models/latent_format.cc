#include "models/latent_format.h"

#include "models/sd/latents.h"

namespace easel::models {

Tensor LatentFormat::to_model(const Tensor& latent) const {
  Tensor out = clone(latent);
  for (float& v : out.values()) v = (v - shift) * scale;
  return out;
}

Tensor LatentFormat::from_model(const Tensor& latent) const {
  Tensor out = clone(latent);
  for (float& v : out.values()) v = v / scale + shift;
  return out;
}

const LatentFormat& default_latents() { return sd::kSd1Latents; }

}  // namespace easel::models
