#include "formats/tiff/tiff_samples.h"

#include <tiff.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "base/error.h"

namespace easel::formats {
namespace {

[[noreturn]] void unsupported(const TiffLayout& l) {
  throw Error(Fault::kUnsupported, "is a TIFF picture of " + std::to_string(l.samples) + " samples of " +
                                       std::to_string(l.bits) + " bits in colours of kind " +
                                       std::to_string(l.photometric) + ", which Easel does not read")
      .fix("Save it with 8 or 16 bits as RGB, grey or CMYK");
}

// One sample after the other along a row; values as the machine has them.
class Samples {
 public:
  Samples(const TiffLayout& layout, std::span<const uint8_t> data) : layout_(layout), data_(data) {}

  const uint8_t* at(int64_t x, int64_t y, int64_t sample, size_t& bit) const {
    const int64_t plane = layout_.separate ? sample : 0, within = layout_.separate ? 0 : sample;
    bit = static_cast<size_t>(x) * layout_.bits_per_pixel() + static_cast<size_t>(within) * layout_.bits;
    return data_.data() + static_cast<size_t>(plane * layout_.height + y) * layout_.row_bytes() + bit / 8;
  }
  template <class T>
  T value(int64_t x, int64_t y, int64_t sample) const {
    size_t bit = 0;
    T out;
    std::memcpy(&out, at(x, y, sample, bit), sizeof out);
    return out;
  }
  // Of 1 to 16 bits.
  uint32_t number(int64_t x, int64_t y, int64_t sample) const {
    if (layout_.bits == 8) return value<uint8_t>(x, y, sample);
    if (layout_.bits == 16) return value<uint16_t>(x, y, sample);
    size_t bit = 0;
    const uint8_t* from = at(x, y, sample, bit);
    const uint8_t* end = data_.data() + data_.size();
    uint32_t window = 0;
    for (int i = 0; i < 3; ++i) window = window << 8 | (from + i < end ? from[i] : 0u);
    return window >> (24 - bit % 8 - layout_.bits) & ((1u << layout_.bits) - 1);
  }
  // In 8 bits.
  uint8_t narrow(int64_t x, int64_t y, int64_t sample) const {
    const uint32_t v = number(x, y, sample);
    if (layout_.bits == 8) return static_cast<uint8_t>(v);
    if (layout_.bits == 16) return static_cast<uint8_t>(v >> 8);
    return static_cast<uint8_t>(v * 255 / ((1u << layout_.bits) - 1));
  }

 private:
  const TiffLayout& layout_;
  std::span<const uint8_t> data_;
};

uint8_t cut(double v) { return v >= 255 ? 255 : v > 0 ? static_cast<uint8_t>(v) : 0; }

// Grey in 8 bits, by the rules of PIL's modes L, I and F.
uint8_t grey(const TiffLayout& l, const Samples& s, int64_t x, int64_t y) {
  if (l.format == SAMPLEFORMAT_IEEEFP) return cut(l.bits == 64 ? s.value<double>(x, y, 0) : s.value<float>(x, y, 0));
  const bool has_sign = l.format == SAMPLEFORMAT_INT;
  if (l.bits == 32)
    return cut((has_sign ? s.value<int32_t>(x, y, 0) : static_cast<double>(s.value<uint32_t>(x, y, 0))) * (1.0 / 255));
  if (l.bits == 16 && has_sign) return cut(s.value<int16_t>(x, y, 0) * (1.0 / 255));
  if (l.bits <= 8) {
    const uint8_t v = s.narrow(x, y, 0);
    return l.photometric == PHOTOMETRIC_MINISWHITE ? static_cast<uint8_t>(255 - v) : v;
  }
  const uint32_t most = (1u << l.bits) - 1;
  uint32_t v = s.number(x, y, 0);
  if (l.photometric == PHOTOMETRIC_MINISWHITE) v = most - v;
  return cut(v * (65535.0 / most) * (1.0 / 255));
}

uint8_t undo_premultiplied(uint8_t colour, uint8_t alpha) {
  return alpha == 0 ? 0 : static_cast<uint8_t>(std::min(255, colour * 255 / alpha));
}

void check(const TiffLayout& l, int64_t colours) {
  const bool is_grey = colours == 1 && l.photometric != PHOTOMETRIC_PALETTE;
  const bool whole =
      l.format == SAMPLEFORMAT_UINT || l.format == SAMPLEFORMAT_VOID || (is_grey && l.format == SAMPLEFORMAT_INT);
  const bool good = l.samples >= colours && l.bits >= 1 &&
                    (whole ? l.bits <= 16 || (is_grey && l.bits == 32)
                           : is_grey && l.format == SAMPLEFORMAT_IEEEFP && (l.bits == 32 || l.bits == 64));
  if (!good || (l.photometric == PHOTOMETRIC_PALETTE && l.bits > 8)) unsupported(l);
}

}  // namespace

Raster tiff_raster(const TiffLayout& l, std::span<const uint8_t> data, const std::array<const uint16_t*, 3>& palette) {
  const bool rgb = l.photometric == PHOTOMETRIC_RGB, cmyk = l.photometric == PHOTOMETRIC_SEPARATED;
  const bool has_palette = l.photometric == PHOTOMETRIC_PALETTE;
  if (!rgb && !cmyk && !has_palette && l.photometric != PHOTOMETRIC_MINISBLACK &&
      l.photometric != PHOTOMETRIC_MINISWHITE)
    unsupported(l);
  const int64_t colours = rgb ? 3 : cmyk ? 4 : 1;
  check(l, colours);
  const Samples s(l, data);
  Raster out;
  out.width = l.width;
  out.height = l.height;
  const auto pixels = static_cast<size_t>(l.width * l.height);
  out.rgb.resize(pixels * 3);
  // A fourth sample of RGB is alpha even if the file does not say so, as in PIL.
  const bool narrow = l.bits <= 16 && l.format != SAMPLEFORMAT_IEEEFP;
  out.has_alpha_channel =
      narrow && !cmyk && l.samples > colours && (l.extras > 0 ? l.first_extra != EXTRASAMPLE_UNSPECIFIED : rgb);
  const bool premultiplied = l.extras > 0 && l.first_extra == EXTRASAMPLE_ASSOCALPHA;
  if (out.has_alpha_channel) out.alpha.resize(pixels);
  uint8_t* to = out.rgb.data();
  for (int64_t y = 0; y < l.height; ++y)
    for (int64_t x = 0; x < l.width; ++x, to += 3) {
      if (rgb) {
        for (int64_t c = 0; c < 3; ++c) to[c] = s.narrow(x, y, c);
      } else if (cmyk) {
        const uint8_t black = s.narrow(x, y, 3);
        for (int64_t c = 0; c < 3; ++c) {
          const int light = 255 - black;
          to[c] = static_cast<uint8_t>(std::max(0, light - scale_255(s.narrow(x, y, c), light)));
        }
      } else if (has_palette) {
        const uint32_t index = s.number(x, y, 0);
        for (size_t c = 0; c < 3; ++c) to[c] = static_cast<uint8_t>(palette[c][index] >> 8);
      } else {
        std::fill_n(to, 3, grey(l, s, x, y));
      }
      if (!out.has_alpha_channel) continue;
      const uint8_t alpha = s.narrow(x, y, colours);
      out.alpha[static_cast<size_t>(y * l.width + x)] = alpha;
      if (premultiplied)
        for (int64_t c = 0; c < 3; ++c) to[c] = undo_premultiplied(to[c], alpha);
    }
  return out;
}

}  // namespace easel::formats
