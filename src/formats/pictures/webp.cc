#include <webp/decode.h>
#include <webp/demux.h>
#include <webp/encode.h>

#include <cstring>
#include <memory>

#include "base/error.h"
#include "formats/pictures/exif.h"
#include "formats/pictures/raster.h"

namespace easel::formats {
namespace {

using Bytes = std::span<const uint8_t>;

[[noreturn]] void bad(const std::string& message) { throw Error(Fault::kBadFile, "damaged WebP picture: " + message); }

using Demuxer = std::unique_ptr<WebPDemuxer, decltype(&WebPDemuxDelete)>;

Demuxer open(Bytes bytes) {
  const WebPData data{bytes.data(), bytes.size()};
  Demuxer demuxer(WebPDemux(&data), WebPDemuxDelete);
  if (!demuxer) bad("it ends too early or is malformed");
  check_picture_size(WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH),
                     WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT),
                     WebPDemuxGetI(demuxer.get(), WEBP_FF_FRAME_COUNT));
  return demuxer;
}

}  // namespace

bool looks_like_webp(Bytes bytes) {
  return bytes.size() >= 12 && std::memcmp(bytes.data(), "RIFF", 4) == 0 &&
         std::memcmp(bytes.data() + 8, "WEBP", 4) == 0;
}

PictureHead read_webp_head(Bytes bytes) {
  const Demuxer demuxer = open(bytes);
  PictureHead head;
  head.width = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH);
  head.height = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT);
  WebPChunkIterator chunk;
  if (WebPDemuxGetChunk(demuxer.get(), "EXIF", 1, &chunk)) {
    read_exif({chunk.chunk.bytes, chunk.chunk.size}, head);
    WebPDemuxReleaseChunkIterator(&chunk);
  }
  return head;
}

Raster decode_webp(Bytes bytes) {
  open(bytes);  // checks the size before anything is allocated
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(bytes.data(), bytes.size(), &features) != VP8_STATUS_OK) bad("its header is malformed");
  WebPAnimDecoderOptions options;
  WebPAnimDecoderOptionsInit(&options);
  const WebPData data{bytes.data(), bytes.size()};
  const std::unique_ptr<WebPAnimDecoder, decltype(&WebPAnimDecoderDelete)> decoder(WebPAnimDecoderNew(&data, &options),
                                                                                   WebPAnimDecoderDelete);
  WebPAnimInfo info;
  if (!decoder || !WebPAnimDecoderGetInfo(decoder.get(), &info) || info.frame_count == 0)
    bad("its header is malformed");
  Raster out;
  out.width = info.canvas_width;
  out.height = info.canvas_height;
  out.frames = info.frame_count;
  out.has_alpha_channel = features.has_alpha != 0;
  const size_t pixels = static_cast<size_t>(out.width) * static_cast<size_t>(out.height);
  const size_t total = pixels * static_cast<size_t>(out.frames);
  out.rgb.resize(total * 3);
  out.alpha.resize(out.has_alpha_channel ? total : 0);
  size_t at = 0;
  for (int64_t frame = 0; frame < out.frames; ++frame) {
    uint8_t* canvas = nullptr;
    int timestamp = 0;
    if (!WebPAnimDecoderGetNext(decoder.get(), &canvas, &timestamp)) bad("a frame cannot be decoded");
    for (size_t i = 0; i < pixels; ++i, ++at) {
      std::memcpy(out.rgb.data() + 3 * at, canvas + 4 * i, 3);
      if (out.has_alpha_channel) out.alpha[at] = canvas[4 * i + 3];
    }
  }
  return out;
}

std::string encode_webp(Bytes rgb, int64_t width, int64_t height, float quality) {
  uint8_t* data = nullptr;
  const size_t size = WebPEncodeRGB(rgb.data(), static_cast<int>(width), static_cast<int>(height),
                                    static_cast<int>(width) * 3, quality, &data);
  const std::unique_ptr<uint8_t, void (*)(void*)> owner(data, WebPFree);
  if (size == 0) throw Error(Fault::kInvalid, "the picture cannot be encoded as WebP: at most 16383 pixels a side");
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace easel::formats
