// CONTROL_NET_WEIGHTS, TIMESTEP_KEYFRAME, LATENT_KEYFRAME and CN_WEIGHTS_EXTRAS: what the nodes of Advanced-ControlNet
// pass to each other.
#pragma once

#include "models/control/control_weighting.h"
#include "nodes/common/link_types.h"

namespace easel::nodes {

template <>
struct LinkType<models::ControlWeightsPtr> {
  static constexpr const char* kName = "CONTROL_NET_WEIGHTS";
  using Held = models::ControlWeightsPtr;
  using Foreseen = void;
  static size_t bytes(const Held& weights) { return bytes_of(weights->mask); }
};

template <>
struct LinkType<models::ControlKeyframesPtr> {
  static constexpr const char* kName = "TIMESTEP_KEYFRAME";
  using Held = models::ControlKeyframesPtr;
  using Foreseen = void;
  static size_t bytes(const Held& keyframes) {
    size_t sum = 0;
    for (const models::ControlKeyframe& keyframe : keyframes->all())
      sum += bytes_of(keyframe.mask) + (keyframe.weights ? bytes_of(keyframe.weights->mask) : 0);
    return sum;
  }
};

template <>
struct LinkType<models::LatentKeyframesPtr> : PlainLink<models::LatentKeyframesPtr> {
  static constexpr const char* kName = "LATENT_KEYFRAME";
  using Foreseen = void;
};

// Of weights: what the middle block's are multiplied by.
struct WeightExtras {
  double middle_mult = 1.0;
};
template <>
struct LinkType<WeightExtras> : PlainLink<WeightExtras> {
  static constexpr const char* kName = "CN_WEIGHTS_EXTRAS";
  using Foreseen = void;
};

}  // namespace easel::nodes
