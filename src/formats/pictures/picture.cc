#include "formats/pictures/picture.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/parallel.h"
#include "formats/pictures/bitmap.h"
#include "formats/pictures/decoders.h"
#include "tensor/mapped_file.h"
#include "tensor/memory_guard.h"

namespace easel::formats {
namespace {

using Bytes = std::span<const uint8_t>;

constexpr uint64_t kMaxPixels = uint64_t{1} << 27;  // 16384 x 8192

// The format and the decoder of a file, or an error that says which it is or that it is none.
std::pair<PictureFormat, PictureDecoder> decoder_for(Bytes bytes) {
  if (bytes.empty()) throw Error(Fault::kBadFile, "the file is empty");
  const auto format = picture_format(bytes);
  if (!format) throw Error(Fault::kBadFile, "is not a picture").fix("Easel reads " + readable_formats());
  const PictureDecoder decoder = decoder_of(*format);
  const PictureKind& kind = picture_kind(*format);
  if (decoder.lacks)
    throw Error(Fault::kUnsupported, "is " + std::string(kind.name[0] == 'A' || kind.name[0] == 'H' ? "an " : "a ") +
                                         kind.name + " picture, a format that this build of Easel lacks")
        .fix(std::string("Install ") + decoder.lacks + " and build Easel again, or save the picture as PNG");
  return {*format, decoder};
}

Tensor to_tensor(const std::vector<uint8_t>& values, const Shape& shape, bool complement) {
  std::array<float, 256> table;
  for (int i = 0; i < 256; ++i) {
    const float v = static_cast<float>(i) / 255.0f;
    table[static_cast<size_t>(i)] = complement ? 1.0f - v : v;
  }
  Tensor t(shape);
  float* out = t.f32();
  parallel_for(static_cast<int64_t>(values.size()), 1 << 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) out[i] = table[values[static_cast<size_t>(i)]];
  });
  return t;
}

// What decoding takes besides the tensors: a decoder's own samples, and the 8-bit colours and alpha made of them.
size_t decoding_bytes(const PictureHead& head) {
  constexpr size_t kBytesPerPixel = 8;
  const double pixels =
      static_cast<double>(head.width) * static_cast<double>(head.height) * static_cast<double>(head.frames);
  return static_cast<size_t>(std::clamp(pixels, 0.0, static_cast<double>(kMaxPixels))) * kBytesPerPixel;
}

// What encoding takes besides the tensor: 8-bit pixels, and a file of that size at most.
size_t encoding_bytes(const Tensor& image) { return image.defined() ? 2 * static_cast<size_t>(image.numel()) : 0; }

Bitmap to_rgb_bitmap(const Tensor& image) {
  Bitmap b = to_bitmap(image);
  if (b.channels == 4) throw Error(Fault::kInvalid, "this picture format is written without alpha");
  if (b.channels == 3) return b;
  std::vector<uint8_t> rgb(b.data.size() * 3);
  for (size_t i = 0; i < b.data.size(); ++i) std::memset(rgb.data() + 3 * i, b.data[i], 3);
  return {b.width, b.height, 3, std::move(rgb)};
}

template <class Read>
auto with_file(const std::filesystem::path& path, const Read& read) {
  const MappedFile file = MappedFile::open(path);
  try {
    auto out = read(file.bytes());
    require_unchanged(file.storage());
    return out;
  } catch (Error& e) {
    e.in_file(file.path());
    throw;
  }
}

}  // namespace

void check_picture_size(uint64_t width, uint64_t height, uint64_t frames) {
  if (width == 0 || height == 0 || frames == 0) throw Error(Fault::kBadFile, "is a picture without pixels");
  uint64_t pixels = 0;
  if (__builtin_mul_overflow(width, height, &pixels) || __builtin_mul_overflow(pixels, frames, &pixels) ||
      pixels > kMaxPixels)
    throw Error(Fault::kBadFile, "has " + std::to_string(width) + " x " + std::to_string(height) + " pixels" +
                                     (frames > 1 ? " in " + std::to_string(frames) + " frames" : "") +
                                     ", more than a picture may")
        .fix("Scale it down to at most 134 million pixels");
}

PictureDecoder decoder_of(PictureFormat format) {
  switch (format) {
    case PictureFormat::kPng: return png_decoder();
    case PictureFormat::kJpeg: return jpeg_decoder();
    case PictureFormat::kWebp: return webp_decoder();
    case PictureFormat::kGif: return gif_decoder();
    case PictureFormat::kBmp: return bmp_decoder();
    case PictureFormat::kTiff: return tiff_decoder();
    case PictureFormat::kAvif: return avif_decoder();
    case PictureFormat::kHeic: return heic_decoder();
    case PictureFormat::kJxl: return jxl_decoder();
  }
  return {};
}

Raster decode_raster(Bytes bytes, int64_t most_frames) {
  const auto [format, decoder] = decoder_for(bytes);
  Raster raster = decoder.decode(bytes, most_frames);
  make_upright(raster, decoder.head(bytes).orientation);
  return raster;
}

Picture decode_picture(Bytes bytes) {
  const auto [format, decoder] = decoder_for(bytes);
  PictureHead head = decoder.head(bytes);
  const MemoryClaim claim(decoding_bytes(head));
  Raster raster = decoder.decode(bytes, kAllFrames);
  make_upright(raster, head.orientation);
  Picture p;
  p.format = format;
  p.warning = std::move(raster.warning);
  p.width = raster.width;
  p.height = raster.height;
  p.text = std::move(head.text);
  const Shape plane{raster.frames, raster.height, raster.width};
  p.rgb = to_tensor(raster.rgb, {raster.frames, raster.height, raster.width, 3}, false);
  p.mask = raster.has_alpha_channel ? to_tensor(raster.alpha, plane, true) : Tensor::zeros({raster.frames, 64, 64});
  p.alpha = raster.alpha.empty() ? Tensor::full(plane, 1.0f) : to_tensor(raster.alpha, plane, false);
  return p;
}

PictureInfo inspect_picture(Bytes bytes) {
  const auto [format, decoder] = decoder_for(bytes);
  PictureHead head = decoder.head(bytes);
  PictureInfo info;
  info.format = format;
  info.width = head.width;
  info.height = head.height;
  info.frames = head.frames;
  info.text = std::move(head.text);
  if (head.orientation >= 5) std::swap(info.width, info.height);
  return info;
}

Bitmap to_bitmap(const Tensor& image) {
  Tensor t = image;
  if (t.defined() && t.rank() == 2) t = contiguous(t).view(Shape{t.dim(0), t.dim(1), 1});
  if (t.defined() && t.rank() == 4 && t.dim(0) == 1) t = t.select(0, 0);
  const bool good = t.defined() && t.rank() == 3 && (t.dim(2) == 1 || t.dim(2) == 3 || t.dim(2) == 4) && t.numel() > 0;
  if (!good) throw Error(Fault::kInvalid, "a tensor " + image.str() + " is not one picture");
  t = contiguous(convert(t, DType::kF32));
  Bitmap b{t.dim(1), t.dim(0), static_cast<int>(t.dim(2)), std::vector<uint8_t>(static_cast<size_t>(t.numel()))};
  const float* in = t.f32();
  for (size_t i = 0; i < b.data.size(); ++i) {
    const float v = in[i] * 255.0f;
    b.data[i] = v >= 255.0f ? 255 : v > 0.0f ? static_cast<uint8_t>(v) : 0;  // what is not a number is black
  }
  return b;
}

void require_batch(const Tensor& images) {
  if (images.rank() != 4 || images.numel() == 0 || (images.dim(3) != 3 && images.dim(3) != 4))
    throw Error(Fault::kInvalid, "a tensor " + images.str() + " is no batch of pictures");
}

Picture load_picture(const std::filesystem::path& path) { return with_file(path, decode_picture); }
PictureInfo inspect_picture_file(const std::filesystem::path& path) { return with_file(path, inspect_picture); }

std::string encode_png(const Tensor& image, const TextChunks& text, int compression) {
  const MemoryClaim claim(encoding_bytes(image));
  const Bitmap b = to_bitmap(image);
  return encode_png(b.data, b.width, b.height, b.channels, text, compression);
}

std::string encode_jpeg(const Tensor& image, int quality) {
  const MemoryClaim claim(encoding_bytes(image));
  const Bitmap b = to_rgb_bitmap(image);
  return encode_jpeg(b.data, b.width, b.height, quality);
}

std::string encode_webp(const Tensor& image, float quality) {
  const MemoryClaim claim(encoding_bytes(image));
  const Bitmap b = to_rgb_bitmap(image);
  return encode_webp(b.data, b.width, b.height, quality);
}

void save_png(const std::filesystem::path& path, const Tensor& image, const TextChunks& text, int compression) {
  write_file(path, encode_png(image, text, compression));
}

}  // namespace easel::formats
