// Strengths of pictures of a batch as Advanced-ControlNet's users write them.
#pragma once

#include <cstdint>
#include <string>

#include "models/control/control_weighting.h"

namespace easel::nodes {

// "0=0.5, 2:5=0.8, 7": indices or ranges of them (without the last), each with a strength, 1 where none is written.
// With a batch of `count` pictures (0: unknown) indices may be negative and count from its end, and ranges are cut to
// it. Throws Error(kInvalid) for anything else, and for more than 100000 of them, at the input index_strengths.
models::LatentKeyframes parse_index_strengths(const std::string& text, int64_t count);

}  // namespace easel::nodes
