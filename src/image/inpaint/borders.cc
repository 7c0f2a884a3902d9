#include "image/inpaint/borders.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"

namespace easel::image {
namespace {

// The mean of the pixels of a part of picture `n`.
std::vector<float> mean_of(const Tensor& images, int64_t n, int64_t top, int64_t left, int64_t rows, int64_t columns) {
  const int64_t h = images.dim(1), w = images.dim(2), c = images.dim(3);
  std::vector<double> sums(static_cast<size_t>(c));
  for (int64_t y = top; y < top + rows; ++y)
    for (int64_t x = left; x < left + columns; ++x)
      for (int64_t k = 0; k < c; ++k) sums[static_cast<size_t>(k)] += images.f32()[((n * h + y) * w + x) * c + k];
  std::vector<float> out;
  for (const double sum : sums) out.push_back(static_cast<float>(sum / static_cast<double>(rows * columns)));
  return out;
}

}  // namespace

Tensor with_border(const Tensor& images, const Sides& sides, Border border, std::span<const float> colour) {
  require_image(images, "the picture");
  const Tensor source = contiguous(images);
  const int64_t h = source.dim(1), w = source.dim(2), c = source.dim(3);
  const Size whole{w + sides.left + sides.right, h + sides.top + sides.bottom};
  require_size(whole);
  if (border == Border::kColour && std::ssize(colour) != c)
    throw Error(Fault::kInvalid, "the colour has " + std::to_string(colour.size()) + " numbers, the picture " +
                                     std::to_string(c) + " channels");
  Tensor out(Shape{source.dim(0), whole.height, whole.width, c});
  for (int64_t n = 0; n < source.dim(0); ++n) {
    std::vector<float> top, bottom, left, right;
    if (border == Border::kMeanEdge) {
      top = mean_of(source, n, 0, 0, 1, w);
      bottom = mean_of(source, n, h - 1, 0, 1, w);
      left = mean_of(source, n, 0, 0, h, 1);
      right = mean_of(source, n, 0, w - 1, h, 1);
    }
    parallel_for(whole.height, 16, [&](int64_t begin, int64_t end) {
      for (int64_t y = begin; y < end; ++y)
        for (int64_t x = 0; x < whole.width; ++x) {
          const int64_t v = y - sides.top, u = x - sides.left;
          const bool inside = v >= 0 && v < h && u >= 0 && u < w;
          const float* from =
              source.f32() + ((n * h + std::clamp<int64_t>(v, 0, h - 1)) * w + std::clamp<int64_t>(u, 0, w - 1)) * c;
          if (!inside && border == Border::kColour) from = colour.data();
          if (!inside && border == Border::kMeanEdge)
            from = (u < 0 ? left : u >= w ? right : v < 0 ? top : bottom).data();
          std::copy(from, from + c, out.f32() + ((n * whole.height + y) * whole.width + x) * c);
        }
    });
  }
  return out;
}

}  // namespace easel::image
