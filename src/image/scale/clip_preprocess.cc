#include "image/scale/clip_preprocess.h"

#include <algorithm>
#include <cmath>

#include "image/scale/resize.h"

namespace easel::image {
namespace {

constexpr float kMean[3] = {0.48145466f, 0.4578275f, 0.40821073f};
constexpr float kDeviation[3] = {0.26862954f, 0.26130258f, 0.27577711f};

Tensor squared(const Tensor& image, int64_t size, ClipCrop crop) {
  if (crop == ClipCrop::kNone) return antialias_bicubic(image, {size, size});
  const int64_t shorter = std::min(image.dim(1), image.dim(2));
  const double scale = static_cast<double>(size) / static_cast<double>(shorter);
  const Tensor scaled = antialias_bicubic(image, scaled_by(size_of(image), scale));
  return contiguous(scaled.slice(1, (scaled.dim(1) - size) / 2, size).slice(2, (scaled.dim(2) - size) / 2, size));
}

}  // namespace

Tensor clip_preprocess(const Tensor& image, int64_t size, ClipCrop crop) {
  require_image(image, "the picture for CLIP vision");
  if (image.dim(3) < 3)
    throw Error(Fault::kInvalid, "CLIP vision needs a picture in colour, not one of " + image.str());
  const Tensor colour = image.slice(3, 0, 3);
  const bool fits = image.dim(1) == size && image.dim(2) == size;
  const Tensor square = fits ? contiguous(colour) : squared(colour, size, crop);
  Tensor out(square.shape());
  const float* in = square.f32();
  float* to = out.f32();
  for (int64_t i = 0; i < out.numel(); ++i) {
    const float byte = std::nearbyint(std::clamp(255.0f * in[i], 0.0f, 255.0f));
    to[i] = (byte / 255.0f - kMean[i % 3]) / kDeviation[i % 3];
  }
  return out;
}

}  // namespace easel::image
