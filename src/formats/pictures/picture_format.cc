#include "formats/pictures/picture_format.h"

#include <algorithm>
#include <array>

#include "formats/pictures/decoders.h"

namespace easel::formats {
namespace {

const std::array<PictureKind, 9> kKinds{{
    {PictureFormat::kPng, "PNG", "image/png", {".png", ".apng"}},
    {PictureFormat::kJpeg, "JPEG", "image/jpeg", {".jpg", ".jpeg", ".jpe", ".jfif"}},
    {PictureFormat::kWebp, "WebP", "image/webp", {".webp"}},
    {PictureFormat::kGif, "GIF", "image/gif", {".gif"}},
    {PictureFormat::kBmp, "BMP", "image/bmp", {".bmp", ".dib"}},
    {PictureFormat::kTiff, "TIFF", "image/tiff", {".tif", ".tiff"}},
    {PictureFormat::kAvif, "AVIF", "image/avif", {".avif", ".avifs"}},
    {PictureFormat::kHeic, "HEIC", "image/heic", {".heic", ".heif", ".hif"}},
    {PictureFormat::kJxl, "JPEG XL", "image/jxl", {".jxl"}},
}};

bool starts(std::span<const uint8_t> bytes, std::string_view with, size_t at = 0) {
  return bytes.size() >= at + with.size() && std::equal(with.begin(), with.end(), bytes.begin() + static_cast<long>(at),
                                                        [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

// The brands of a file in boxes (ISO/IEC 14496-12): the one it is and those it can be read as.
std::optional<PictureFormat> boxed_format(std::span<const uint8_t> bytes) {
  const size_t length = static_cast<size_t>(bytes[0]) << 24 | static_cast<size_t>(bytes[1]) << 16 |
                        static_cast<size_t>(bytes[2]) << 8 | bytes[3];
  const size_t end = std::min({length, bytes.size(), size_t{4096}});
  bool heic = false;
  for (size_t at = 8; at + 4 <= end; at += at == 8 ? 8 : 4) {  // the version lies after the first
    if (starts(bytes, "avif", at) || starts(bytes, "avis", at)) return PictureFormat::kAvif;
    for (const char* brand : {"heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "msf1"})
      heic |= starts(bytes, brand, at);
  }
  if (heic) return PictureFormat::kHeic;
  return std::nullopt;
}

}  // namespace

std::span<const PictureKind> picture_kinds() { return kKinds; }

const PictureKind& picture_kind(PictureFormat format) { return kKinds[static_cast<size_t>(format)]; }

const PictureKind* picture_kind_by_ending(std::string_view ending) {
  const auto it = std::find_if(kKinds.begin(), kKinds.end(), [&](const PictureKind& kind) {
    return std::find(kind.endings.begin(), kind.endings.end(), ending) != kind.endings.end();
  });
  return it == kKinds.end() ? nullptr : &*it;
}

std::optional<PictureFormat> picture_format(std::span<const uint8_t> bytes) {
  using namespace std::string_view_literals;
  if (starts(bytes, "\x89PNG\r\n\x1a\n")) return PictureFormat::kPng;
  if (starts(bytes, "\xff\xd8\xff")) return PictureFormat::kJpeg;
  if (starts(bytes, "RIFF") && starts(bytes, "WEBP", 8)) return PictureFormat::kWebp;
  if (starts(bytes, "GIF87a") || starts(bytes, "GIF89a")) return PictureFormat::kGif;
  // A text may begin with BM; a header's length is one of a few.
  if (starts(bytes, "BM") && bytes.size() > 18 && (bytes[14] >= 12 && bytes[14] <= 124) && bytes[15] == 0 &&
      bytes[16] == 0 && bytes[17] == 0)
    return PictureFormat::kBmp;
  for (const auto tiff : {"II*\0"sv, "MM\0*"sv, "II+\0"sv, "MM\0+"sv})
    if (starts(bytes, tiff)) return PictureFormat::kTiff;
  if (starts(bytes, "\xff\x0a") || starts(bytes, "\0\0\0\x0cJXL \r\n\x87\n"sv)) return PictureFormat::kJxl;
  if (bytes.size() >= 12 && starts(bytes, "ftyp", 4)) return boxed_format(bytes);
  return std::nullopt;
}

std::optional<PictureFormat> picture_format(std::string_view bytes) {
  return picture_format(std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
}

bool is_readable(PictureFormat format) { return !decoder_of(format).lacks; }

std::string readable_formats() {
  std::string out;
  for (const PictureKind& kind : kKinds)
    if (is_readable(kind.format)) out += (out.empty() ? "" : ", ") + std::string(kind.name);
  return out;
}

std::vector<std::string> absent_formats() {
  std::vector<std::string> out;
  for (const PictureKind& kind : kKinds)
    if (const char* package = decoder_of(kind.format).lacks)
      out.push_back(std::string(kind.name) + " (needs " + package + ")");
  return out;
}

}  // namespace easel::formats
