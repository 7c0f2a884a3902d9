#include "models/latent_format.h"

#include "models/sd/latents.h"
#include "ops/arithmetic/formula.h"

namespace easel::models {

Tensor LatentFormat::to_model(const Tensor& latent) const {
  return ops::map([this](auto v) { return (v - shift) * scale; }, latent);
}

Tensor LatentFormat::from_model(const Tensor& latent) const {
  return ops::map([this](auto v) { return v / scale + shift; }, latent);
}

const LatentFormat& default_latents() { return sd::kSd1Latents; }

}  // namespace easel::models
