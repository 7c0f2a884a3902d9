#include "server/events/preview_jpeg.h"

#include <algorithm>

#include "base/error.h"
#include "formats/pictures/raster.h"

namespace easel::server {
namespace {

constexpr int kLongSide = 256, kQuality = 85;

// Where each pixel of the larger picture lies between two of the smaller one; weights are in 1/256.
struct Tap {
  int a, b, weight;
};

std::vector<Tap> taps(int from, int to) {
  std::vector<Tap> out(static_cast<size_t>(to));
  for (int i = 0; i < to; ++i) {
    const float x =
        std::max(0.0f, (static_cast<float>(i) + 0.5f) * static_cast<float>(from) / static_cast<float>(to) - 0.5f);
    const int a = std::min(static_cast<int>(x), from - 1);
    out[static_cast<size_t>(i)] = {a, std::min(a + 1, from - 1), static_cast<int>((x - static_cast<float>(a)) * 256)};
  }
  return out;
}

}  // namespace

std::string preview_jpeg(const engine::Preview& p) {
  if (p.width <= 0 || p.height <= 0 || p.rgb.size() != static_cast<size_t>(p.width) * static_cast<size_t>(p.height) * 3)
    throw Error(Fault::kInternal, "a preview's size and pixels disagree");
  const int side = std::max(p.width, p.height);
  if (side >= kLongSide) return formats::encode_jpeg(p.rgb, p.width, p.height, kQuality);
  const int width = std::max(1, p.width * kLongSide / side), height = std::max(1, p.height * kLongSide / side);
  const auto across = taps(p.width, width), down = taps(p.height, height);
  std::vector<uint8_t> rgb(static_cast<size_t>(width) * static_cast<size_t>(height) * 3);
  uint8_t* out = rgb.data();
  for (const Tap& y : down) {
    const uint8_t* upper = &p.rgb[static_cast<size_t>(y.a) * static_cast<size_t>(p.width) * 3];
    const uint8_t* lower = &p.rgb[static_cast<size_t>(y.b) * static_cast<size_t>(p.width) * 3];
    for (const Tap& x : across) {
      for (int c = 0; c < 3; ++c) {
        const int top = upper[x.a * 3 + c] * (256 - x.weight) + upper[x.b * 3 + c] * x.weight;
        const int bottom = lower[x.a * 3 + c] * (256 - x.weight) + lower[x.b * 3 + c] * x.weight;
        *out++ = static_cast<uint8_t>((top * (256 - y.weight) + bottom * y.weight + 32768) >> 16);
      }
    }
  }
  return formats::encode_jpeg(rgb, width, height, kQuality);
}

}  // namespace easel::server
