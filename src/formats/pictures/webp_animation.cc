#include <webp/encode.h>
#include <webp/mux.h>

#include <memory>

#include "base/error.h"
#include "formats/pictures/animation.h"
#include "formats/pictures/bitmap.h"
#include "formats/pictures/exif.h"
#include "formats/pictures/webp_stop.h"

namespace easel::formats {
namespace {

constexpr int64_t kMostSide = WEBP_MAX_DIMENSION;

struct Freer {
  void operator()(WebPAnimEncoder* e) const { WebPAnimEncoderDelete(e); }
  void operator()(WebPMux* m) const { WebPMuxDelete(m); }
};
using Encoder = std::unique_ptr<WebPAnimEncoder, Freer>;
using Mux = std::unique_ptr<WebPMux, Freer>;

// A frame as the encoder takes it.
struct Frame {
  explicit Frame(const Bitmap& b) {
    bool good = WebPPictureInit(&picture) != 0;
    picture.use_argb = 1;
    picture.width = static_cast<int>(b.width);
    picture.height = static_cast<int>(b.height);
    const int stride = static_cast<int>(b.width) * b.channels;
    good = good && (b.channels == 4 ? WebPPictureImportRGBA(&picture, b.data.data(), stride)
                                    : WebPPictureImportRGB(&picture, b.data.data(), stride)) != 0;
    if (!good) throw Error(Fault::kMemory, "out of memory for the WebP encoder");
  }
  ~Frame() { WebPPictureFree(&picture); }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  WebPPicture picture;
};

// Owns what the library allocates.
struct Assembled {
  Assembled() { WebPDataInit(&data); }
  ~Assembled() { WebPDataClear(&data); }
  Assembled(const Assembled&) = delete;
  Assembled& operator=(const Assembled&) = delete;

  std::string str() const { return {reinterpret_cast<const char*>(data.bytes), data.size}; }
  WebPData data;
};

[[noreturn]] void cannot(const std::string& why) {
  throw Error(Fault::kInternal, "cannot encode a WebP animation: " + why);
}

std::string with_exif(const Assembled& file, const std::string& exif) {
  const Mux mux(WebPMuxCreate(&file.data, /*copy_data=*/0));
  const WebPData chunk{reinterpret_cast<const uint8_t*>(exif.data()), exif.size()};
  Assembled out;
  if (!mux || WebPMuxSetChunk(mux.get(), "EXIF", &chunk, /*copy_data=*/0) != WEBP_MUX_OK ||
      WebPMuxAssemble(mux.get(), &out.data) != WEBP_MUX_OK)
    cannot("its texts cannot be added");
  return out.str();
}

}  // namespace

std::string encode_animated_webp(const Tensor& images, const TextChunks& text, const WebpAnimation& how) {
  require_batch(images);
  if (images.dim(1) > kMostSide || images.dim(2) > kMostSide)
    throw Error(Fault::kInvalid, "pictures of " + std::to_string(images.dim(2)) + " x " +
                                     std::to_string(images.dim(1)) + " cannot be encoded as WebP: at most " +
                                     std::to_string(kMostSide) + " pixels a side");
  WebPAnimEncoderOptions options;
  WebPConfig config;
  if (!WebPAnimEncoderOptionsInit(&options) || !WebPConfigInit(&config)) cannot("another version of libwebp");
  config.lossless = how.lossless ? 1 : 0;
  config.quality = how.quality;
  config.method = how.method;
  config.exact = 1;  // colours below transparent pixels stay
  const Encoder encoder(WebPAnimEncoderNew(static_cast<int>(images.dim(2)), static_cast<int>(images.dim(1)), &options));
  if (!encoder) throw Error(Fault::kMemory, "out of memory for the WebP encoder");
  int64_t time = 0;
  for (int64_t n = 0; n < images.dim(0); ++n, time += how.frame_ms) {
    poll_cancelled();
    Frame frame(to_bitmap(images.slice(0, n, 1)));
    const WebpStop stop(frame.picture);
    if (WebPAnimEncoderAdd(encoder.get(), &frame.picture, static_cast<int>(time), &config)) continue;
    stop.raise();
    cannot(WebPAnimEncoderGetError(encoder.get()));
  }
  Assembled out;
  if (!WebPAnimEncoderAdd(encoder.get(), nullptr, static_cast<int>(time), nullptr) ||
      !WebPAnimEncoderAssemble(encoder.get(), &out.data))
    cannot(WebPAnimEncoderGetError(encoder.get()));
  return text.empty() ? out.str() : with_exif(out, exif_of(text));
}

}  // namespace easel::formats
