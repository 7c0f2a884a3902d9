// Filled shapes on 8-bit pictures, pixel by pixel as OpenCV draws them.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "image/hints/byte_picture.h"

namespace easel::image {

struct Point {
  int64_t x = 0, y = 0;
  bool operator==(const Point&) const = default;
};
using Colour = std::array<uint8_t, 3>;

// OpenCV's circle() with thickness -1.
void draw_disc(BytePicture& canvas, Point centre, int64_t radius, Colour colour);
// OpenCV's line() with thickness 2.
void draw_line(BytePicture& canvas, Point from, Point to, Colour colour);
// OpenCV's line() with thickness 1; what is outside of the canvas is left out.
void draw_thin_line(BytePicture& canvas, Point from, Point to, Colour colour);
// OpenCV's fillConvexPoly().
void draw_polygon(BytePicture& canvas, const std::vector<Point>& corners, Colour colour);
// OpenCV's ellipse2Poly() of a whole ellipse in steps of a degree; half axes and its turn in whole pixels and degrees.
std::vector<Point> ellipse(Point centre, Point axes, int64_t degrees);

}  // namespace easel::image
