// The initial noise of Inspire-Pack's samplers (github.com/ltdrdata/ComfyUI-Inspire-Pack).
#pragma once

#include <cstdint>

#include "guidance/ksample.h"
#include "node_api/value.h"

namespace easel::nodes {

struct InspireNoise {
  // kOneByOne: each picture of a batch has the noise of a seed of its own, which grows by one. kTogether: the batch is
  // drawn at once. kGrowing: all have the same noise, with more of the variation from picture to picture.
  enum class Batch : uint8_t { kOneByOne, kTogether, kGrowing };

  uint64_t seed = 0, variation_seed = 0;
  double variation_strength = 0.0;
  bool slerp = false;  // how noise and variation are mixed: over the sphere, or straight and then scaled
  bool card = false;   // drawn as torch draws it on a graphics card, else as on a processor
  Batch batch = Batch::kTogether;
  double growth = 0.0;  // of the strength, for kGrowing
};

// Noise for a latent. A latent with batch indices has the noise of those places of a batch that is drawn together, and
// no variation, as in the original. What is drawn later continues where the last draw on a processor ended; after draws
// of a card it begins with the seed.
guidance::GivenNoise inspire_noise(const Latent& latent, const InspireNoise& how);

}  // namespace easel::nodes
