// The values that the nodes of custom sampling pass to each other.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "guidance/guidance.h"
#include "nodes/common/link_types.h"
#include "sampling/sampler.h"

namespace easel::nodes {

// SIGMAS: noise levels, usually falling.
using Sigmas = std::vector<float>;
template <>
struct LinkType<Sigmas> {
  static constexpr const char* kName = "SIGMAS";
  using Held = Sigmas;
  using Foreseen = void;
  static size_t bytes(const Sigmas& levels) { return levels.size() * sizeof(float); }
};

// SAMPLER: a sampler's name and its settings.
struct SamplerChoice {
  std::string name;
  sampling::SamplerKnobs knobs = {};
};
struct ForeseenSampler {
  bool keeps_size = true;  // whether the latent that it gives is as large as the one that it is given
};
template <>
struct LinkType<SamplerChoice> {
  static constexpr const char* kName = "SAMPLER";
  using Held = SamplerChoice;
  using Foreseen = ForeseenSampler;
  static size_t bytes(const SamplerChoice&) { return sizeof(SamplerChoice); }
};

// NOISE: the noise that a seed gives, or none.
struct NoiseChoice {
  bool none = false;
  uint64_t seed = 0;
};
template <>
struct LinkType<NoiseChoice> {
  static constexpr const char* kName = "NOISE";
  using Held = NoiseChoice;
  using Foreseen = void;
  static size_t bytes(const NoiseChoice&) { return sizeof(NoiseChoice); }
};

// GUIDER: a model, the conditionings that steer it, and how its predictions for them are combined.
struct Guider {
  models::ModelHandle model;
  models::Conditioning positive, negative;
  double cfg = 1.0;
  guidance::GuidanceStyle style = guidance::GuidanceStyle::kCfg;
  models::Conditioning middle = {};
  double negative_scale = 1.0;
};
template <>
struct LinkType<Guider> {
  static constexpr const char* kName = "GUIDER";
  using Held = Guider;
  using Foreseen = void;
  static size_t bytes(const Guider& guider) {
    using Conditionings = LinkType<models::Conditioning>;
    return Conditionings::bytes(guider.positive) + Conditionings::bytes(guider.negative) +
           Conditionings::bytes(guider.middle);
  }
};

}  // namespace easel::nodes
