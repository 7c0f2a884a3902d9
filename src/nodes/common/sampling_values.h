// What the parts of custom sampling pass between each other.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/handles.h"
#include "node_api/value.h"
#include "sampling/guidance/conditioning.h"
#include "sampling/guidance/guidance.h"
#include "sampling/sampler.h"

namespace easel::nodes {

// SIGMAS: noise levels, usually falling.
using Sigmas = std::vector<float>;
inline Value sigmas(Sigmas levels) { return Value("SIGMAS", std::move(levels)); }

// SAMPLER
struct SamplerChoice {
  std::string name;
  sampling::SamplerKnobs knobs = {};
};

// NOISE: that of a seed, or none.
struct NoiseChoice {
  bool none = false;
  uint64_t seed = 0;
};

// GUIDER
struct Guider {
  models::ModelHandle model;
  sampling::Conditioning positive, negative;
  double cfg = 1.0;
  sampling::GuidanceStyle style = sampling::GuidanceStyle::kCfg;
  sampling::Conditioning third = {};
  double second_cfg = 1.0;
};

}  // namespace easel::nodes
