#include "nodes/extensions/impact/segs.h"

#include <algorithm>

#include "image/edit/filters.h"
#include "image/edit/pictures.h"

namespace easel::nodes {

Tensor softened(const Tensor& mask, int64_t radius, double sigma) {
  if (radius <= 0) return mask;
  int64_t pixels = radius * 2 + 1;
  const int64_t shortest = std::min(mask.dim(1), mask.dim(2));
  if (shortest <= pixels) {
    pixels = shortest / 2;
    if (pixels % 2 == 0) ++pixels;
    if (pixels < 3) return mask;
  }
  const int64_t half = pixels / 2;
  return image::as_mask(image::blur(image::as_picture(mask), half, sigma / static_cast<double>(half)));
}

}  // namespace easel::nodes
