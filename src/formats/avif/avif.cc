// AVIF pictures and sequences.
#include <avif/avif.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "base/error.h"
#include "formats/pictures/decoders.h"
#include "formats/pictures/exif.h"
#include "formats/pictures/shared_library.h"

namespace easel::formats {
namespace {

using Bytes = std::span<const uint8_t>;

SharedLibrary kLibavif(EASEL_SONAME_AVIF, "AVIF");
EASEL_LIBRARY_FUNCTION(kLibavif, avifDecoderCreate);
EASEL_LIBRARY_FUNCTION(kLibavif, avifDecoderDestroy);
EASEL_LIBRARY_FUNCTION(kLibavif, avifDecoderNextImage);
EASEL_LIBRARY_FUNCTION(kLibavif, avifDecoderParse);
EASEL_LIBRARY_FUNCTION(kLibavif, avifDecoderSetIOMemory);
EASEL_LIBRARY_FUNCTION(kLibavif, avifImageYUVToRGB);
EASEL_LIBRARY_FUNCTION(kLibavif, avifRGBImageSetDefaults);
EASEL_LIBRARY_FUNCTION(kLibavif, avifResultToString);

[[noreturn]] void bad(const std::string& message) { throw Error(Fault::kBadFile, "damaged AVIF picture: " + message); }

struct Destroyer {
  void operator()(avifDecoder* decoder) const { avifDecoderDestroy(decoder); }
};
using Decoder = std::unique_ptr<avifDecoder, Destroyer>;

void check(avifResult result) {
  if (result == AVIF_RESULT_OK) return;
  if (result == AVIF_RESULT_OUT_OF_MEMORY) throw Error(Fault::kMemory, "out of memory for the AVIF decoder");
  if (result == AVIF_RESULT_TRUNCATED_DATA) bad("it ends too early, and nothing of it can be shown");
  if (result == AVIF_RESULT_NO_CODEC_AVAILABLE)
    throw Error(Fault::kUnsupported, "is an AVIF picture, for which libavif lacks a decoder here")
        .fix("Install libdav1d6 or libaom3");
  bad(avifResultToString(result));
}

// Reads the file's boxes, and no pixels.
Decoder open(Bytes bytes) {
  kLibavif.open();
  Decoder decoder(avifDecoderCreate());
  if (!decoder) throw Error(Fault::kMemory, "out of memory for the AVIF decoder");
  // As PIL's: files without these boxes are common.
  decoder->strictFlags = AVIF_STRICT_ENABLED & ~(AVIF_STRICT_CLAP_VALID | AVIF_STRICT_PIXI_REQUIRED);
  decoder->imageSizeLimit = 1u << 27;  // what check_picture_size() allows
  decoder->maxThreads = 2;
  check(avifDecoderSetIOMemory(decoder.get(), bytes.data(), bytes.size()));
  check(avifDecoderParse(decoder.get()));
  const avifImage* image = decoder->image;
  check_picture_size(image->width, image->height, static_cast<uint64_t>(std::max(1, decoder->imageCount)));
  return decoder;
}

// EXIF's number for the turning and mirroring that the boxes ask for, in this order.
int orientation_of(const avifImage& image) {
  const bool turned = (image.transformFlags & AVIF_TRANSFORM_IROT) != 0;
  const bool mirrored = (image.transformFlags & AVIF_TRANSFORM_IMIR) != 0;
#if AVIF_VERSION >= 1000000
  const int axis = image.imir.axis;
#else
  const int axis = image.imir.mode;
#endif
  const int angle = turned ? image.irot.angle : 0;  // quarters against the clock
  constexpr int kTurned[] = {1, 8, 3, 6};
  constexpr int kMirroredTopToBottom[] = {4, 5, 2, 7}, kMirroredLeftToRight[] = {2, 7, 4, 5};
  if (!mirrored) return kTurned[angle & 3];
  return (axis == 1 ? kMirroredLeftToRight : kMirroredTopToBottom)[angle & 3];
}

PictureHead read_head(Bytes bytes) {
  const Decoder decoder = open(bytes);
  const avifImage& image = *decoder->image;
  PictureHead head;
  head.width = image.width;
  head.height = image.height;
  head.frames = std::max(1, decoder->imageCount);
  if (image.exif.data && image.exif.size > 0) read_exif({image.exif.data, image.exif.size}, head);
  head.orientation = orientation_of(image);  // the boxes count, not EXIF's
  return head;
}

void append_frame(Raster& out, const avifImage& image) {
  const size_t pixels = static_cast<size_t>(out.width * out.height), at = out.rgb.size() / 3;
  const size_t channels = out.has_alpha_channel ? 4 : 3;
  std::vector<uint8_t> data(pixels * channels);
  avifRGBImage rgb;
  avifRGBImageSetDefaults(&rgb, &image);
  rgb.depth = 8;
  rgb.format = out.has_alpha_channel ? AVIF_RGB_FORMAT_RGBA : AVIF_RGB_FORMAT_RGB;
  rgb.pixels = data.data();
  rgb.rowBytes = static_cast<uint32_t>(static_cast<size_t>(out.width) * channels);
  check(avifImageYUVToRGB(&image, &rgb));
  if (!out.has_alpha_channel) {
    if (at == 0) out.rgb = std::move(data);
    else out.rgb.insert(out.rgb.end(), data.begin(), data.end());
    return;
  }
  out.rgb.resize((at + pixels) * 3);
  out.alpha.resize(at + pixels);
  for (size_t i = 0; i < pixels; ++i) {
    std::memcpy(out.rgb.data() + 3 * (at + i), data.data() + 4 * i, 3);
    out.alpha[at + i] = data[4 * i + 3];
  }
}

Raster decode(Bytes bytes, int64_t most_frames) {
  const Decoder decoder = open(bytes);
  Raster out;
  out.width = decoder->image->width;
  out.height = decoder->image->height;
  out.frames = 0;
  out.has_alpha_channel = decoder->alphaPresent != 0;
  const int64_t wanted = std::min<int64_t>(std::max(1, decoder->imageCount), most_frames);
  while (out.frames < wanted) {
    const avifResult result = avifDecoderNextImage(decoder.get());
    if (result != AVIF_RESULT_OK) {
      if (out.frames == 0) check(result);
      out.warning = "frame " + std::to_string(out.frames + 1) + " and those after it cannot be read (" +
                    avifResultToString(result) + ")";
      break;
    }
    // Frames of another size than the first are left out, as by LoadImage.
    if (decoder->image->width != out.width || decoder->image->height != out.height) {
      if (out.frames == 0) bad("its pixels have another size than it says");
      break;
    }
    append_frame(out, *decoder->image);
    ++out.frames;
  }
  return out;
}

}  // namespace

PictureDecoder avif_decoder() { return {.head = read_head, .decode = decode}; }

}  // namespace easel::formats
