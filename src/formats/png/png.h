#pragma once

#include <cstdint>
#include <span>

#include "formats/pictures/raster.h"

namespace easel::formats {

// The head of a PNG file: texts before and after the pixels, EXIF, and the number of frames.
PictureHead read_png_head(std::span<const uint8_t> bytes);

}  // namespace easel::formats
