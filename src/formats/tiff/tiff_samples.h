// From TIFF's samples, of many widths and meanings, to 8-bit colours.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "formats/pictures/raster.h"

namespace easel::formats {

// How a page's samples lie: rows of whole bytes, plane after plane.
struct TiffLayout {
  int64_t width = 0, height = 0;
  uint16_t bits = 8, samples = 1, format = 1, photometric = 0, extras = 0, first_extra = 0;
  bool separate = false;  // each sample in a plane of its own

  int64_t planes() const { return separate ? samples : 1; }
  size_t bits_per_pixel() const { return size_t{bits} * (separate ? 1u : samples); }
  size_t row_bytes() const { return (static_cast<size_t>(width) * bits_per_pixel() + 7) / 8; }
  size_t bytes() const { return row_bytes() * static_cast<size_t>(height * planes()); }
};

// Values of 16 bits give their high byte, but grey is value / 255, cut to 255, as LoadImage takes 16-bit grey from PNG
// files. Whole numbers of 32 bits and floats are cut to 0..255, as PIL does it. `palette` has red, green and blue of
// 2^bits entries each. Throws Error(kUnsupported) for what it cannot interpret.
Raster tiff_raster(const TiffLayout& layout, std::span<const uint8_t> samples,
                   const std::array<const uint16_t*, 3>& palette);

}  // namespace easel::formats
