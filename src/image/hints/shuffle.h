// A picture whose content is shuffled, as a hint for ControlNets that take only what is in it.
#pragma once

#include <cstdint>

#include "image/hints/byte_picture.h"

namespace easel::image {

// Every pixel taken from elsewhere, by two smooth noises that NumPy's default_rng draws from the seed (L. Zhang's
// ContentShuffleDetector, 2023): the noise is enlarged as OpenCV's bicubic resize() does it, the pixels are moved as
// its linear remap() does it.
BytePicture shuffled(const BytePicture& picture, uint64_t seed);

}  // namespace easel::image
