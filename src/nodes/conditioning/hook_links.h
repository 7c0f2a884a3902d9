// HOOKS, HOOK_KEYFRAMES and TIMESTEPS_RANGE
#pragma once

#include <memory>

#include "models/patch/hooks.h"
#include "nodes/common/link_types.h"

namespace easel::nodes {

// Null for none, which ComfyUI's nodes pass on as well.
template <>
struct LinkType<models::HookGroupPtr> : ModelLink<models::HookGroupPtr> {
  static constexpr const char* kName = "HOOKS";
};

using Keyframes = std::shared_ptr<const models::HookKeyframes>;
template <>
struct LinkType<Keyframes> : ModelLink<Keyframes> {
  static constexpr const char* kName = "HOOK_KEYFRAMES";
};

// A part of the sampling: 0 is its beginning, 1 its end.
struct TimestepsRange {
  double start = 0.0, end = 1.0;
};
template <>
struct LinkType<TimestepsRange> : PlainLink<TimestepsRange> {
  static constexpr const char* kName = "TIMESTEPS_RANGE";
};

}  // namespace easel::nodes
