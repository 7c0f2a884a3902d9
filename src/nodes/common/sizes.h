// The limit that nodes declare for sizes.
#pragma once

#include <cstdint>

namespace easel::nodes {

// The longest side of a picture that a node takes: ComfyUI's MAX_RESOLUTION.
inline constexpr int64_t kMaxSide = 16384;

// Extensions bring sides to multiples of this, as most latents have pixels of so many.
constexpr int64_t kSideStep = 8;
inline int64_t down_to_step(int64_t side) { return side / kSideStep * kSideStep; }
inline int64_t up_to_step(int64_t side) { return down_to_step(side + kSideStep - 1); }

}  // namespace easel::nodes
