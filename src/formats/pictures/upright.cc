#include <cstring>

#include "formats/pictures/raster.h"

namespace easel::formats {
namespace {

// Where the pixel (x, y) of the upright picture lies in the stored one, w x h, for EXIF's orientations:
// http://sylvana.net/jpegcrop/exif_orientation.html
size_t stored_index(int orientation, size_t x, size_t y, size_t w, size_t h) {
  switch (orientation) {
    case 2: return y * w + (w - 1 - x);
    case 3: return (h - 1 - y) * w + (w - 1 - x);
    case 4: return (h - 1 - y) * w + x;
    case 5: return x * w + y;
    case 6: return (h - 1 - x) * w + y;
    case 7: return (h - 1 - x) * w + (w - 1 - y);
    case 8: return x * w + (w - 1 - y);
    default: return y * w + x;
  }
}

template <size_t kChannels>
void turn(std::vector<uint8_t>& data, int orientation, const Raster& stored, size_t out_width, size_t out_height) {
  if (data.empty()) return;
  std::vector<uint8_t> out(data.size());
  const auto w = static_cast<size_t>(stored.width), h = static_cast<size_t>(stored.height);
  for (size_t frame = 0; frame < static_cast<size_t>(stored.frames); ++frame)
    for (size_t y = 0; y < out_height; ++y)
      for (size_t x = 0; x < out_width; ++x)
        std::memcpy(out.data() + ((frame * w * h) + y * out_width + x) * kChannels,
                    data.data() + ((frame * w * h) + stored_index(orientation, x, y, w, h)) * kChannels, kChannels);
  data = std::move(out);
}

}  // namespace

void make_upright(Raster& r, int orientation) {
  if (orientation == 1) return;
  const bool sideways = orientation >= 5;
  const int64_t width = sideways ? r.height : r.width, height = sideways ? r.width : r.height;
  turn<3>(r.rgb, orientation, r, static_cast<size_t>(width), static_cast<size_t>(height));
  turn<1>(r.alpha, orientation, r, static_cast<size_t>(width), static_cast<size_t>(height));
  r.width = width;
  r.height = height;
}

}  // namespace easel::formats
