#include "image/edit/cut_out.h"

#include <algorithm>
#include <cmath>

#include "base/cancel.h"
#include "base/error.h"
#include "image/scale/pillow.h"

namespace easel::image {
namespace {

// a b / 255 as Pillow rounds it.
uint8_t share_of(uint8_t a, uint8_t b) {
  constexpr uint32_t kHalf = 128;
  const uint32_t v = uint32_t{a} * b + kHalf;
  return static_cast<uint8_t>(((v >> 8) + v) >> 8);
}

}  // namespace

Tensor cut_out_pixels(const BytePicture& picture, Size network, const SeenColours& colours) {
  const Tensor small = pillow_resize(picture_of({picture}), network, PillowFilter::kLanczos);
  // What comes back is k / 255.
  const auto byte_at = [&](int64_t y, int64_t x, int64_t c) {
    constexpr double kFull = 255;
    return std::nearbyint(static_cast<double>(small.f32()[(y * network.width + x) * 3 + c]) * kFull);
  };
  double most = 0;
  for (int64_t y = 0; y < network.height; ++y)
    for (int64_t x = 0; x < network.width; ++x)
      for (int64_t c = 0; c < 3; ++c) most = std::max(most, byte_at(y, x, c));
  constexpr double kLeast = 1e-6;  // of a black picture
  const double brightest = std::max(most, kLeast);
  Tensor out({1, 3, network.height, network.width});
  for (int64_t c = 0; c < 3; ++c)
    for (int64_t y = 0; y < network.height; ++y)
      for (int64_t x = 0; x < network.width; ++x) {
        const double v = byte_at(y, x, c) / brightest;
        out.f32()[(c * network.height + y) * network.width + x] =
            static_cast<float>((v - colours.mean[static_cast<size_t>(c)]) / colours.deviation[static_cast<size_t>(c)]);
      }
  return out;
}

BytePicture cut_out(const BytePicture& picture, const Tensor& said) {
  if (said.rank() != 4 || said.dim(0) != 1 || said.numel() == 0)
    throw Error(Fault::kBadFile, "gives " + said.shape().str() + ", which is no map of one picture");
  const Tensor map = contiguous(said.slice(1, 0, 1));
  const auto [least, most] = std::minmax_element(map.f32(), map.f32() + map.numel());
  const float low = *least, range = *most - *least;
  Tensor bytes({1, map.dim(2), map.dim(3), 1});
  constexpr float kFull = 255.0f;
  std::transform(map.f32(), map.f32() + map.numel(), bytes.f32(), [&](float v) {
    const float byte = range > 0 ? (v - low) / range * kFull : 0.0f;
    // A damaged network says what is no number.
    return std::isnan(byte) ? 0.0f : std::trunc(std::clamp(byte, 0.0f, kFull)) / kFull;
  });
  const Tensor large = pillow_resize(bytes, {picture.width, picture.height}, PillowFilter::kLanczos);
  BytePicture out(picture.height, picture.width, 4);
  for (int64_t y = 0; y < picture.height; ++y) {
    poll_cancelled();
    for (int64_t x = 0; x < picture.width; ++x) {
      const auto share = static_cast<uint8_t>(large.f32()[y * picture.width + x] * kFull + 0.5f);
      for (int64_t c = 0; c < 3; ++c) out.at(y, x)[c] = share_of(picture.at(y, x)[c], share);
      out.at(y, x)[3] = share;
    }
  }
  return out;
}

}  // namespace easel::image
