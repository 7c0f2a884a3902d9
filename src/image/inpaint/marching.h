// Small holes in pictures closed from their borders inwards, in the order of the distance to the border.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace easel::image {

// How a pixel follows from the known ones within a few pixels around it.
enum class HoleFilling {
  kTelea,  // mean of what they and their gradients predict; weights by direction, distance and level (Telea 2004)
  kNavierStokes,  // mean along lines of equal brightness, a local form of Bertalmio et al. 2001
};

// Closes the holes of 8-bit pixels in place: `rgb` [height,width,3], `hole` [height,width], not 0 where pixels are
// missing. `radius` is 1 to 100 pixels. Does exactly what OpenCV's inpaint() does (4.6), in the same order and in f32;
// gradients are taken of bytes.
void close_holes(std::span<uint8_t> rgb, std::span<const uint8_t> hole, int64_t height, int64_t width, int radius,
                 HoleFilling how);

}  // namespace easel::image
