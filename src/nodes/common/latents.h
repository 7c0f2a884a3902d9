// The format of a latent.
#pragma once

#include "models/latent_format.h"
#include "node_api/value.h"

namespace easel::nodes {

inline const models::LatentFormat& format_of(const Latent& latent) {
  return latent.format ? *latent.format : models::default_latents();
}

}  // namespace easel::nodes
