#include <turbojpeg.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/cancel.h"
#include "base/error.h"
#include "formats/pictures/decoders.h"
#include "formats/pictures/exif.h"
#include "formats/pictures/raster.h"

namespace easel::formats {
namespace {

using Bytes = std::span<const uint8_t>;

[[noreturn]] void bad(const std::string& message) { throw Error(Fault::kBadFile, "damaged JPEG picture: " + message); }

struct HandleCloser {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Handle = std::unique_ptr<void, HandleCloser>;

struct JpegHead {
  PictureHead head;
  int components = 0;
  size_t frame = 0;  // where the frame header lies
};

// Walks the segments up to the frame header, after which the pixels begin.
JpegHead parse(Bytes bytes) {
  JpegHead out;
  for (size_t at = 2;;) {
    while (at < bytes.size() && bytes[at] != 0xff) ++at;  // stray bytes between segments
    while (at < bytes.size() && bytes[at] == 0xff) ++at;
    if (bytes.size() < 3 || at >= bytes.size() - 2) bad("it has no frame");
    const uint8_t marker = bytes[at++];
    if (marker == 0 || marker == 1 || (marker >= 0xd0 && marker <= 0xd8)) continue;  // without content
    if (marker == 0xd9 || marker == 0xda) bad("it has no frame");
    const size_t length = static_cast<size_t>(bytes[at] << 8 | bytes[at + 1]);
    if (length < 2 || length > bytes.size() - at) bad("it ends too early");
    const Bytes segment = bytes.subspan(at + 2, length - 2);
    if (marker == 0xe1 && segment.size() > 6 && std::memcmp(segment.data(), "Exif\0\0", 6) == 0)
      read_exif(segment, out.head);
    constexpr std::string_view kXmp("http://ns.adobe.com/xap/1.0/\0", 29);
    const std::string_view text(reinterpret_cast<const char*>(segment.data()), segment.size());
    if (marker == 0xe1 && text.starts_with(kXmp)) read_xmp(text.substr(kXmp.size()), out.head);
    const bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (frame) {
      if (segment.size() < 6) bad("its frame header is too short");
      out.head.height = segment[1] << 8 | segment[2];
      out.head.width = segment[3] << 8 | segment[4];
      out.components = segment[5];
      out.frame = at;
      check_picture_size(static_cast<uint64_t>(out.head.width), static_cast<uint64_t>(out.head.height));
      return out;
    }
    at += length;
  }
}

// A scan of a few bytes can be as much work as the whole picture, so that their number times its pixels is limited: to
// 32 scans of the largest picture. Progressive pictures have about ten.
void check_scans(Bytes bytes, const PictureHead& head) {
  constexpr int64_t kMostWork = int64_t{1} << 32;
  int64_t scans = 0;
  for (size_t i = 0; i + 1 < bytes.size(); ++i) scans += bytes[i] == 0xff && bytes[i + 1] == 0xda;
  if (scans > kMostWork / (head.width * head.height))
    bad("it has " + std::to_string(scans) + " scans, too many for its size");
}

// Adobe's inverted CMYK to RGB, as PIL converts it.
void cmyk_to_rgb(const uint8_t* in, uint8_t* out, size_t pixels) {
  for (size_t i = 0; i < pixels; ++i, in += 4, out += 3)
    for (int c = 0; c < 3; ++c) out[c] = static_cast<uint8_t>(in[3] - scale_255(255 - in[c], in[3]));
}

PictureHead read_head(Bytes bytes) { return parse(bytes).head; }

// Whether anything of the pixels is there.
bool has_pixels(Bytes bytes, size_t frame) {
  for (size_t at = frame; bytes.size() - at >= 4; ++at)
    if (bytes[at] == 0xff && bytes[at + 1] == 0xda)
      return bytes.size() - at > 2 + static_cast<size_t>(bytes[at + 2] << 8 | bytes[at + 3]);
  return false;
}

// As libjpeg does: what is missing or cannot be read is grey, or black from where decoding had to stop.
Raster decode(Bytes bytes, int64_t /*most_frames*/) {
  const JpegHead info = parse(bytes);
  check_scans(bytes, info.head);
  if (!has_pixels(bytes, info.frame)) bad("it ends before its pixels");
  const size_t pixels = static_cast<size_t>(info.head.width * info.head.height);
  const Handle handle(tjInitDecompress());
  if (!handle) throw Error(Fault::kMemory, "out of memory for the JPEG decoder");
  const bool cmyk = info.components == 4, grey = info.components == 1;
  std::vector<uint8_t> decoded(pixels * (cmyk ? 4 : grey ? 1 : 3));
  const int format = cmyk ? TJPF_CMYK : grey ? TJPF_GRAY : TJPF_RGB;
  Raster out;
  // The exact transform and the smooth upsampling: what PIL gets from the same library.
  const int code =
      tjDecompress2(handle.get(), bytes.data(), bytes.size(), decoded.data(), static_cast<int>(info.head.width), 0,
                    static_cast<int>(info.head.height), format, TJFLAG_ACCURATEDCT);
  if (code != 0) {
    const std::string why = tjGetErrorStr2(handle.get());
    const bool stopped = tjGetErrorCode(handle.get()) != TJERR_WARNING;
    if (stopped && std::all_of(decoded.begin(), decoded.end(), [](uint8_t v) { return v == 0; })) bad(why);
    // Other warnings are about flaws every viewer forgives.
    if (why.find("Premature end of JPEG") != std::string::npos) out.warning = "it ends too early";
    else if (stopped || why.find("Corrupt") != std::string::npos) out.warning = "it is damaged (" + why + ")";
  }
  out.width = info.head.width;
  out.height = info.head.height;
  if (!cmyk && !grey) {
    out.rgb = std::move(decoded);
    return out;
  }
  out.rgb.resize(pixels * 3);
  if (cmyk) {
    cmyk_to_rgb(decoded.data(), out.rgb.data(), pixels);
  } else {
    for (size_t i = 0; i < pixels; ++i) std::memset(out.rgb.data() + 3 * i, decoded[i], 3);
  }
  return out;
}

// --- Writing ---

constexpr int64_t kUnit = 16;  // rows and columns of pixels that are coded together (4:2:0)

std::string coded(Bytes rgb, int64_t width, int64_t height, int quality) {
  const Handle handle(tjInitCompress());
  if (!handle) throw Error(Fault::kMemory, "out of memory for the JPEG encoder");
  unsigned char* data = nullptr;
  unsigned long size = 0;
  const int code = tjCompress2(handle.get(), rgb.data(), static_cast<int>(width), 0, static_cast<int>(height), TJPF_RGB,
                               &data, &size, TJSAMP_420, quality, TJFLAG_ACCURATEDCT);
  const std::unique_ptr<unsigned char, void (*)(unsigned char*)> owner(data, tjFree);
  if (code != 0)
    throw Error(Fault::kInternal, std::string("cannot encode a JPEG picture: ") + tjGetErrorStr2(handle.get()));
  return {reinterpret_cast<const char*>(data), size};
}

// Where the pieces of a file of coded() lie.
struct Pieces {
  size_t height = 0;  // two bytes in the frame header
  size_t scan = 0;    // the scan header
  size_t data = 0;    // the coded pixels, up to the end marker
};

Pieces pieces_of(const std::string& file) {
  constexpr uint8_t kFrame = 0xC0, kScan = 0xDA;
  constexpr size_t kMarker = 2, kHeightInFrame = 5;
  const auto byte = [&](size_t at) { return static_cast<uint8_t>(file.at(at)); };
  Pieces out;
  for (size_t at = kMarker; out.scan == 0;) {
    const uint8_t kind = byte(at + 1);
    if (kind == kFrame) out.height = at + kHeightInFrame;
    if (kind == kScan) out.scan = at;
    at += kMarker + static_cast<size_t>(byte(at + 2) << 8 | byte(at + 3));
    out.data = at;
  }
  return out;
}

void append_short(std::string& out, int64_t v) {
  out.push_back(static_cast<char>(v >> 8));
  out.push_back(static_cast<char>(v & 0xFF));
}

}  // namespace

PictureDecoder jpeg_decoder() { return {.head = read_head, .decode = decode}; }

// The library codes a picture in one call, which nothing stops. Large ones are coded in strips, whose coded pixels are
// then joined by restart markers: behind one, a decoder begins as at the beginning of a file.
std::string encode_jpeg(Bytes rgb, int64_t width, int64_t height, int quality) {
  constexpr int64_t kMostSide = 65500, kMostUnits = 65535, kStripPixels = int64_t{1} << 22;
  if (width > kMostSide || height > kMostSide)
    throw Error(Fault::kInvalid, "a picture of " + std::to_string(width) + "x" + std::to_string(height) +
                                     " cannot be encoded as JPEG: at most " + std::to_string(kMostSide) +
                                     " pixels a side");
  const int64_t across = (width + kUnit - 1) / kUnit;
  const int64_t down = std::clamp<int64_t>(kStripPixels / (across * kUnit * kUnit), 1, kMostUnits / across);
  const int64_t rows = down * kUnit;
  std::string out;
  for (int64_t y = 0, strip = 0; y < height; y += rows, ++strip) {
    poll_cancelled();
    const int64_t part = std::min(rows, height - y);
    const std::string file = coded(
        rgb.subspan(static_cast<size_t>(y * width * 3), static_cast<size_t>(part * width * 3)), width, part, quality);
    if (part == height) return file;
    const Pieces at = pieces_of(file);
    if (strip == 0) {
      out = file.substr(0, at.scan);
      out[at.height] = static_cast<char>(height >> 8);
      out[at.height + 1] = static_cast<char>(height & 0xFF);
      out += "\xFF\xDD";  // how many units lie between two restart markers
      append_short(out, 4);
      append_short(out, across * down);
      out += file.substr(at.scan, at.data - at.scan);
    } else {
      out.push_back('\xFF');
      out.push_back(static_cast<char>(0xD0 + (strip - 1) % 8));
    }
    out += file.substr(at.data, file.size() - 2 - at.data);
  }
  return out + "\xFF\xD9";
}

}  // namespace easel::formats
