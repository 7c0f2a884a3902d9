#pragma once

#include <cstdint>
#include <span>

namespace easel::formats {

// The most pixels that any of the HEVC streams of a HEIC file says it has, by their sequence parameter sets; 0 where
// none can be read. A decoder allocates by these, whatever the boxes around them say.
uint64_t largest_hevc_picture(std::span<const uint8_t> file);

}  // namespace easel::formats
