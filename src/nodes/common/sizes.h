// The limit that nodes declare for sizes.
#pragma once

#include <cstdint>

namespace easel::nodes {

// The longest side of a picture that a node takes: ComfyUI's MAX_RESOLUTION.
inline constexpr int64_t kMaxSide = 16384;

}  // namespace easel::nodes
