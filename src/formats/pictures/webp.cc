#include <webp/decode.h>
#include <webp/demux.h>
#include <webp/encode.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/error.h"
#include "formats/pictures/decoders.h"
#include "formats/pictures/exif.h"
#include "formats/pictures/raster.h"
#include "formats/pictures/webp_stop.h"

namespace easel::formats {
namespace {

using Bytes = std::span<const uint8_t>;

[[noreturn]] void bad(const std::string& message) { throw Error(Fault::kBadFile, "damaged WebP picture: " + message); }

using Demuxer = std::unique_ptr<WebPDemuxer, decltype(&WebPDemuxDelete)>;

struct Opened {
  Demuxer demuxer{nullptr, WebPDemuxDelete};
  bool whole = false;
  uint32_t get(WebPFormatFeature feature) const { return WebPDemuxGetI(demuxer.get(), feature); }
};

// Also what ends too early, as long as its size is known.
Opened open(Bytes bytes) {
  const WebPData data{bytes.data(), bytes.size()};
  WebPDemuxState state = WEBP_DEMUX_PARSE_ERROR;
  Opened out;
  out.demuxer.reset(WebPDemuxPartial(&data, &state));
  if (!out.demuxer || state == WEBP_DEMUX_PARSE_ERROR || state == WEBP_DEMUX_PARSING_HEADER)
    bad("it ends too early or is malformed");
  out.whole = state == WEBP_DEMUX_DONE;
  check_picture_size(out.get(WEBP_FF_CANVAS_WIDTH), out.get(WEBP_FF_CANVAS_HEIGHT),
                     std::max<uint32_t>(1, out.get(WEBP_FF_FRAME_COUNT)));
  return out;
}

std::string_view chunk_of(const Opened& file, const char* name) {
  WebPChunkIterator chunk;
  if (!WebPDemuxGetChunk(file.demuxer.get(), name, 1, &chunk)) return {};
  const std::string_view out(reinterpret_cast<const char*>(chunk.chunk.bytes), chunk.chunk.size);
  WebPDemuxReleaseChunkIterator(&chunk);
  return out;
}

PictureHead read_head(Bytes bytes) {
  const Opened file = open(bytes);
  PictureHead head;
  head.width = file.get(WEBP_FF_CANVAS_WIDTH);
  head.height = file.get(WEBP_FF_CANVAS_HEIGHT);
  head.frames = std::max<int64_t>(1, file.get(WEBP_FF_FRAME_COUNT));
  const std::string_view exif = chunk_of(file, "EXIF");
  read_exif({reinterpret_cast<const uint8_t*>(exif.data()), exif.size()}, head);
  read_xmp(chunk_of(file, "XMP "), head);
  return head;
}

// `canvas` has four channels.
void append_frame(Raster& out, const uint8_t* canvas) {
  const size_t pixels = static_cast<size_t>(out.width * out.height), at = out.rgb.size() / 3;
  out.rgb.resize((at + pixels) * 3);
  if (out.has_alpha_channel) out.alpha.resize(at + pixels);
  for (size_t i = 0; i < pixels; ++i) {
    std::memcpy(out.rgb.data() + 3 * (at + i), canvas + 4 * i, 3);
    if (out.has_alpha_channel) out.alpha[at + i] = canvas[4 * i + 3];
  }
}

Raster decode_whole(Bytes bytes, bool has_alpha, int64_t most_frames) {
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
  out.frames = 0;
  out.has_alpha_channel = has_alpha;
  const int64_t wanted = std::min<int64_t>(info.frame_count, most_frames);
  while (out.frames < wanted) {
    uint8_t* canvas = nullptr;
    int timestamp = 0;
    if (!WebPAnimDecoderGetNext(decoder.get(), &canvas, &timestamp)) {
      if (out.frames == 0) bad("a frame cannot be decoded");
      out.warning = "it is damaged: frame " + std::to_string(out.frames + 1) + " cannot be decoded";
      return out;
    }
    append_frame(out, canvas);
    ++out.frames;
  }
  return out;
}

// The rows that are there; the others are black, and transparent where there is alpha.
Raster decode_cut_still(Bytes bytes, const Opened& file, bool has_alpha) {
  Raster out;
  out.width = file.get(WEBP_FF_CANVAS_WIDTH);
  out.height = file.get(WEBP_FF_CANVAS_HEIGHT);
  out.has_alpha_channel = has_alpha;
  const auto width = static_cast<size_t>(out.width), height = static_cast<size_t>(out.height);
  const std::unique_ptr<WebPIDecoder, decltype(&WebPIDelete)> decoder(WebPINewRGB(MODE_RGBA, nullptr, 0, 0),
                                                                      WebPIDelete);
  if (!decoder) throw Error(Fault::kMemory, "out of memory for the WebP decoder");
  const VP8StatusCode status = WebPIAppend(decoder.get(), bytes.data(), bytes.size());
  int rows = 0, decoded_width = 0, decoded_height = 0, stride = 0;
  const uint8_t* decoded = WebPIDecGetRGB(decoder.get(), &rows, &decoded_width, &decoded_height, &stride);
  if ((status != VP8_STATUS_OK && status != VP8_STATUS_SUSPENDED) || !decoded || rows <= 0 ||
      decoded_width != out.width || decoded_height != out.height)
    bad("it ends too early");
  std::vector<uint8_t> canvas(width * height * 4);
  for (size_t y = 0; y < std::min(height, static_cast<size_t>(rows)); ++y)
    std::memcpy(canvas.data() + y * width * 4, decoded + y * static_cast<size_t>(stride), width * 4);
  append_frame(out, canvas.data());
  const int64_t missing = out.height - rows;
  out.warning = missing > 0 ? "it ends too early: " + std::to_string(missing) + " of its " +
                                  std::to_string(out.height) + " rows are missing"
                            : "it ends too early";
  return out;
}

uint32_t number(Bytes bytes, size_t at) {
  return bytes[at] | static_cast<uint32_t>(bytes[at + 1]) << 8 | static_cast<uint32_t>(bytes[at + 2]) << 16 |
         static_cast<uint32_t>(bytes[at + 3]) << 24;
}

// The file up to the last frame that is whole, with the length it then has.
std::string whole_frames(Bytes bytes) {
  size_t end = 12;
  while (bytes.size() - end >= 8) {
    const uint64_t length = uint64_t{number(bytes, end + 4)} + (number(bytes, end + 4) & 1);
    if (length > bytes.size() - end - 8) break;
    end += 8 + static_cast<size_t>(length);
  }
  std::string out(reinterpret_cast<const char*>(bytes.data()), end);
  for (size_t i = 0; i < 4; ++i) out[4 + i] = static_cast<char>((end - 8) >> (8 * i));
  return out;
}

Raster decode(Bytes bytes, int64_t most_frames) {
  const Opened file = open(bytes);  // checks the size before anything is allocated
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(bytes.data(), bytes.size(), &features) != VP8_STATUS_OK) bad("its header is malformed");
  const bool has_alpha = features.has_alpha != 0;
  if (file.whole) return decode_whole(bytes, has_alpha, most_frames);
  if (!features.has_animation) return decode_cut_still(bytes, file, has_alpha);
  const std::string mended = whole_frames(bytes);
  const Bytes frames{reinterpret_cast<const uint8_t*>(mended.data()), mended.size()};
  const WebPData data{frames.data(), frames.size()};
  const Demuxer demuxer(WebPDemux(&data), WebPDemuxDelete);
  if (!demuxer || WebPDemuxGetI(demuxer.get(), WEBP_FF_FRAME_COUNT) == 0) bad("it ends within its first frame");
  Raster out = decode_whole(frames, has_alpha, most_frames);
  if (out.warning.empty()) out.warning = "it ends too early, after frame " + std::to_string(out.frames);
  return out;
}

}  // namespace

PictureDecoder webp_decoder() { return {.head = read_head, .decode = decode}; }

std::string encode_webp(Bytes rgb, int64_t width, int64_t height, float quality) {
  if (width > WEBP_MAX_DIMENSION || height > WEBP_MAX_DIMENSION)
    throw Error(Fault::kInvalid, "the picture cannot be encoded as WebP: at most 16383 pixels a side");
  WebPConfig config;
  WebPPicture picture;
  if (!WebPConfigPreset(&config, WEBP_PRESET_DEFAULT, quality) || !WebPPictureInit(&picture))
    throw Error(Fault::kInternal, "cannot encode a WebP picture: another version of libwebp");
  WebPMemoryWriter writer;
  WebPMemoryWriterInit(&writer);
  const std::unique_ptr<WebPPicture, void (*)(WebPPicture*)> pixels(&picture, WebPPictureFree);
  const std::unique_ptr<WebPMemoryWriter, void (*)(WebPMemoryWriter*)> written(&writer, WebPMemoryWriterClear);
  picture.width = static_cast<int>(width);
  picture.height = static_cast<int>(height);
  picture.writer = WebPMemoryWrite;
  picture.custom_ptr = &writer;
  WebpStop stop(picture);
  if (!WebPPictureImportRGB(&picture, rgb.data(), static_cast<int>(width) * 3) || !WebPEncode(&config, &picture)) {
    stop.raise();
    throw Error(Fault::kInvalid, "the picture cannot be encoded as WebP (error " +
                                     std::to_string(static_cast<int>(picture.error_code)) + " of libwebp)");
  }
  return {reinterpret_cast<const char*>(writer.mem), writer.size};
}

}  // namespace easel::formats
