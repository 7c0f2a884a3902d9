// Windows' and OS/2's bitmaps, as PIL reads them: 1, 4, 8, 16, 24 and 32 bits, run lengths, masks of any place and
// width, from the top or from the bottom.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>

#include "base/error.h"
#include "formats/pictures/decoders.h"

namespace easel::formats {
namespace {

using Bytes = std::span<const uint8_t>;
using Colour = std::array<uint8_t, 3>;

[[noreturn]] void bad(const std::string& message) { throw Error(Fault::kBadFile, "damaged BMP picture: " + message); }

constexpr uint32_t kRaw = 0, kRuns8 = 1, kRuns4 = 2, kMasks = 3, kMasksWithAlpha = 6;
constexpr size_t kFileHeader = 14;

uint32_t number(Bytes bytes, size_t at, size_t width) {
  if (at > bytes.size() || bytes.size() - at < width) bad("it ends within its header");
  uint32_t out = 0;
  for (size_t i = width; i-- > 0;) out = out << 8 | bytes[at + i];
  return out;
}

struct Header {
  int64_t width = 0, height = 0;
  bool from_top = false;
  uint32_t bits = 0, compression = kRaw;
  std::array<uint32_t, 4> masks{};  // red, green, blue, alpha
  std::array<Colour, 256> palette{};
  size_t pixels = 0;  // where they begin
};

// Colours that a file lacks are greys, as in PIL.
void read_palette(Bytes bytes, size_t at, uint32_t colours, size_t width, Header& header) {
  for (size_t i = 0; i < 256; ++i) header.palette[i].fill(static_cast<uint8_t>(i));
  const size_t there = at < bytes.size() ? (bytes.size() - at) / width : 0;
  for (size_t i = 0; i < std::min({size_t{256}, static_cast<size_t>(colours), there}); ++i) {
    const uint8_t* in = bytes.data() + at + i * width;
    header.palette[i] = {in[2], in[1], in[0]};
  }
}

void read_masks(Bytes bytes, size_t length, size_t& at, Header& header) {
  // Without room for them in the header they follow it.
  const size_t count = length >= 56 || header.compression == kMasksWithAlpha ? 4 : 3;
  const size_t start = kFileHeader + 40;
  for (size_t i = 0; i < count; ++i) header.masks[i] = number(bytes, start + 4 * i, 4);
  if (length < 52) at += 4 * count;
  if (header.masks == std::array<uint32_t, 4>{} && header.bits == 32)
    header.masks = {0xff0000, 0xff00, 0xff, 0xff000000};
}

Header parse(Bytes bytes) {
  Header h;
  const uint32_t length = number(bytes, kFileHeader, 4);
  size_t at = kFileHeader + length;
  uint32_t colours = 0;
  size_t colour_bytes = 4;
  if (length == 12) {
    h.width = number(bytes, 18, 2);
    h.height = number(bytes, 20, 2);
    h.bits = number(bytes, 24, 2);
    colour_bytes = 3;
  } else if (length == 40 || length == 52 || length == 56 || length == 64 || length == 108 || length == 124) {
    h.width = static_cast<int32_t>(number(bytes, 18, 4));
    h.height = static_cast<int32_t>(number(bytes, 22, 4));
    h.bits = number(bytes, 28, 2);
    h.compression = number(bytes, 30, 4);
    colours = number(bytes, 46, 4);
  } else {
    bad("its header has " + std::to_string(length) + " bytes, as none has");
  }
  h.from_top = h.height < 0;
  h.height = std::abs(h.height);
  if (h.width <= 0) bad("it has no width");
  check_picture_size(static_cast<uint64_t>(h.width), static_cast<uint64_t>(h.height));
  constexpr std::array<uint32_t, 6> kDepths{1, 4, 8, 16, 24, 32};
  if (std::find(kDepths.begin(), kDepths.end(), h.bits) == kDepths.end())
    bad(std::to_string(h.bits) + " bits for a pixel are not possible");
  const bool good = h.compression == kRaw || (h.compression == kRuns8 && h.bits == 8) ||
                    (h.compression == kRuns4 && h.bits == 4) ||
                    ((h.compression == kMasks || h.compression == kMasksWithAlpha) && h.bits >= 16);
  if (!good)
    throw Error(Fault::kUnsupported, "is a BMP picture in compression " + std::to_string(h.compression) + " with " +
                                         std::to_string(h.bits) + " bits, which Easel does not read")
        .fix("Save it as PNG");
  if (h.compression == kMasks || h.compression == kMasksWithAlpha) read_masks(bytes, length, at, h);
  else if (h.bits == 16) h.masks = {0x7c00, 0x3e0, 0x1f, 0};
  else if (h.bits >= 24) h.masks = {0xff0000, 0xff00, 0xff, 0};
  if (h.bits <= 8) {
    if (colours == 0 || colours > 65536) colours = 1u << h.bits;
    read_palette(bytes, at, colours, colour_bytes, h);
  }
  h.pixels = number(bytes, 10, 4);
  const size_t palette_end = at + (h.bits <= 8 ? colours * colour_bytes : 0);
  if (h.pixels < at || (h.bits <= 8 && h.pixels == at)) h.pixels = palette_end;
  return h;
}

PictureHead read_head(Bytes bytes) {
  const Header header = parse(bytes);
  PictureHead head;
  head.width = header.width;
  head.height = header.height;
  return head;
}

// A sample of a few bits in eight.
class Channel {
 public:
  explicit Channel(uint32_t mask) : mask_(mask), shift_(mask ? std::countr_zero(mask) : 0), most_(mask >> shift_) {}
  uint8_t of(uint32_t pixel) const {
    return most_ == 0 ? 0 : static_cast<uint8_t>(uint64_t{(pixel & mask_) >> shift_} * 255 / most_);
  }

 private:
  uint32_t mask_;
  int shift_;
  uint32_t most_;
};

// The file's rows from its beginning; those that are not there stay black.
int64_t read_rows(Bytes data, const Header& h, Raster& out) {
  const auto width = static_cast<size_t>(h.width);
  const size_t stride = (width * h.bits + 31) / 32 * 4, used = (width * h.bits + 7) / 8;
  const std::array<Channel, 4> channels{Channel(h.masks[0]), Channel(h.masks[1]), Channel(h.masks[2]),
                                        Channel(h.masks[3])};
  for (int64_t row = 0; row < h.height; ++row) {
    const size_t start = static_cast<size_t>(row) * stride;
    if (start > data.size() || data.size() - start < used) return row;
    const uint8_t* in = data.data() + start;
    const auto y = static_cast<size_t>(h.from_top ? row : h.height - 1 - row);
    for (size_t x = 0; x < width; ++x) {
      uint8_t* to = out.rgb.data() + 3 * (y * width + x);
      if (h.bits <= 8) {
        const size_t bit = x * h.bits;
        const uint32_t index = in[bit / 8] >> (8 - h.bits - bit % 8) & ((1u << h.bits) - 1);
        std::copy_n(h.palette[index].data(), 3, to);
        continue;
      }
      uint32_t pixel = 0;
      std::memcpy(&pixel, in + x * (h.bits / 8), h.bits / 8);  // little-endian, as the machine is
      for (size_t c = 0; c < 3; ++c) to[c] = channels[c].of(pixel);
      if (out.has_alpha_channel) out.alpha[y * width + x] = channels[3].of(pixel);
    }
  }
  return h.height;
}

// Run lengths: https://learn.microsoft.com/en-us/windows/win32/gdi/bitmap-compression
class Runs {
 public:
  Runs(Bytes data, const Header& header)
      : data_(data), header_(header), indices_(static_cast<size_t>(header.width * header.height)) {}

  // How many rows were begun.
  int64_t read() {
    size_t at = 0;
    while (data_.size() - at >= 2 && y_ < header_.height) {
      const uint8_t count = data_[at], value = data_[at + 1];
      at += 2;
      if (count > 0) {
        for (int i = 0; i < count; ++i) put(header_.bits == 8 ? value : i % 2 == 0 ? value >> 4 : value & 15);
      } else if (value == 0) {
        x_ = 0;
        ++y_;
      } else if (value == 1) {
        ended_ = true;
        break;
      } else if (value == 2) {
        if (data_.size() - at < 2) break;
        x_ += data_[at];
        y_ += data_[at + 1];
        at += 2;
      } else {
        const size_t bytes = header_.bits == 8 ? value : (value + 1u) / 2;
        for (size_t i = 0; i < value; ++i) {
          const size_t from = at + (header_.bits == 8 ? i : i / 2);
          if (from >= data_.size()) return y_;
          put(header_.bits == 8 ? data_[from] : i % 2 == 0 ? data_[from] >> 4 : data_[from] & 15);
        }
        at = std::min(data_.size(), at + bytes + bytes % 2);
      }
    }
    return ended_ ? header_.height : std::min<int64_t>(y_ + (x_ >= header_.width ? 1 : 0), header_.height);
  }
  void colour(Raster& out) const {
    for (size_t i = 0; i < indices_.size(); ++i) std::copy_n(header_.palette[indices_[i]].data(), 3, &out.rgb[3 * i]);
  }
  bool any() const { return any_; }

 private:
  void put(int index) {
    if (x_ < header_.width && y_ < header_.height) {
      const int64_t y = header_.from_top ? y_ : header_.height - 1 - y_;
      indices_[static_cast<size_t>(y * header_.width + x_)] = static_cast<uint8_t>(index);
      any_ = true;
    }
    ++x_;
  }

  Bytes data_;
  const Header& header_;
  std::vector<uint8_t> indices_;
  int64_t x_ = 0, y_ = 0;
  bool ended_ = false, any_ = false;
};

Raster decode(Bytes bytes, int64_t /*most_frames*/) {
  const Header h = parse(bytes);
  if (h.pixels >= bytes.size()) bad("it ends before its pixels");
  const Bytes data = bytes.subspan(h.pixels);
  Raster out;
  out.width = h.width;
  out.height = h.height;
  const auto pixels = static_cast<size_t>(h.width * h.height);
  out.rgb.resize(pixels * 3);
  if (h.bits <= 8)  // what is missing has the first colour, as in PIL
    for (size_t i = 0; i < pixels; ++i) std::copy_n(h.palette[0].data(), 3, out.rgb.data() + 3 * i);
  out.has_alpha_channel = h.bits == 32 && h.masks[3] != 0;
  if (out.has_alpha_channel) out.alpha.resize(pixels);
  int64_t rows = 0;
  if (h.compression == kRuns8 || h.compression == kRuns4) {
    Runs runs(data, h);
    rows = runs.read();
    if (!runs.any()) bad("it has no pixels");
    runs.colour(out);
  } else {
    rows = read_rows(data, h, out);
    if (rows == 0) bad("it ends before its pixels");
  }
  if (rows < h.height)
    out.warning = "it ends too early: " + std::to_string(h.height - rows) + " of its " + std::to_string(h.height) +
                  " rows are missing";
  return out;
}

}  // namespace

PictureDecoder bmp_decoder() { return {.head = read_head, .decode = decode}; }

}  // namespace easel::formats
