#include "server/jobs/run/preview_jpeg.h"

#include <algorithm>

#include "base/error.h"
#include "formats/pictures/picture.h"
#include "formats/pictures/raster.h"
#include "image/scale/resize.h"

namespace easel::server {
namespace {

constexpr int kLongSide = 256, kQuality = 85;

}  // namespace

std::string preview_jpeg(const engine::Preview& p) {
  if (p.width <= 0 || p.height <= 0 || p.rgb.size() != static_cast<size_t>(p.width) * static_cast<size_t>(p.height) * 3)
    throw Error(Fault::kInternal, "a preview's size and pixels disagree");
  const int side = std::max(p.width, p.height);
  if (side >= kLongSide) return formats::encode_jpeg(p.rgb, p.width, p.height, kQuality);
  Tensor small({1, p.height, p.width, 3});
  std::transform(p.rgb.begin(), p.rgb.end(), small.f32(), [](uint8_t v) { return static_cast<float>(v) / 255; });
  const image::Size size{std::max(1, p.width * kLongSide / side), std::max(1, p.height * kLongSide / side)};
  return formats::encode_jpeg(image::resize(small, size, image::ResizeMethod::kBilinear), kQuality);
}

}  // namespace easel::server
