#include "formats/pictures/picture.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/parallel.h"
#include "tensor/mapped_file.h"

namespace easel::formats {
namespace {

using Bytes = std::span<const uint8_t>;

constexpr uint64_t kMaxPixels = uint64_t{1} << 27;  // 16384 x 8192

struct Codec {
  PictureFormat format;
  bool (*matches)(Bytes);
  PictureHead (*head)(Bytes);
  Raster (*decode)(Bytes);
};
constexpr Codec kCodecs[] = {
    {PictureFormat::kPng, looks_like_png, read_png_head, decode_png},
    {PictureFormat::kJpeg, looks_like_jpeg, read_jpeg_head, decode_jpeg},
    {PictureFormat::kWebp, looks_like_webp, read_webp_head, decode_webp},
};

const Codec& codec_for(Bytes bytes) {
  for (const Codec& c : kCodecs)
    if (c.matches(bytes)) return c;
  const auto starts = [&](std::string_view s, size_t at = 0) {
    return bytes.size() >= at + s.size() && std::memcmp(bytes.data() + at, s.data(), s.size()) == 0;
  };
  const auto refuse = [](const char* name) {
    throw Error(Fault::kUnsupported, std::string("is a ") + name + " picture")
        .fix("Easel reads PNG, JPEG and WebP: convert it");
  };
  if (starts("GIF8")) refuse("GIF");
  if (starts("BM")) refuse("BMP");
  if (starts("II*") || starts(std::string_view("MM\0*", 4))) refuse("TIFF");
  if (starts("ftyp", 4)) refuse("HEIF or AVIF");
  if (starts("\xff\x0a") || starts("JXL ", 4)) refuse("JPEG XL");
  if (bytes.empty()) throw Error(Fault::kBadFile, "the file is empty");
  throw Error(Fault::kBadFile, "is not a picture").fix("Easel reads PNG, JPEG and WebP");
}

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

void make_upright(Raster& r, int orientation) {
  if (orientation == 1) return;
  const bool sideways = orientation >= 5;
  const int64_t width = sideways ? r.height : r.width, height = sideways ? r.width : r.height;
  turn<3>(r.rgb, orientation, r, static_cast<size_t>(width), static_cast<size_t>(height));
  turn<1>(r.alpha, orientation, r, static_cast<size_t>(width), static_cast<size_t>(height));
  r.width = width;
  r.height = height;
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

// 8-bit pixels of one picture.
struct Bitmap {
  int64_t width, height;
  int channels;
  std::vector<uint8_t> data;
};

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

Picture decode_picture(Bytes bytes) {
  const Codec& codec = codec_for(bytes);
  PictureHead head = codec.head(bytes);
  Raster raster = codec.decode(bytes);
  make_upright(raster, head.orientation);
  Picture p;
  p.format = codec.format;
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
  const Codec& codec = codec_for(bytes);
  PictureHead head = codec.head(bytes);
  PictureInfo info{codec.format, head.width, head.height, std::move(head.text)};
  if (head.orientation >= 5) std::swap(info.width, info.height);
  return info;
}

Picture load_picture(const std::filesystem::path& path) { return with_file(path, decode_picture); }
PictureInfo inspect_picture_file(const std::filesystem::path& path) { return with_file(path, inspect_picture); }

std::string encode_png(const Tensor& image, const TextChunks& text, int compression) {
  const Bitmap b = to_bitmap(image);
  return encode_png(b.data, b.width, b.height, b.channels, text, compression);
}

std::string encode_jpeg(const Tensor& image, int quality) {
  const Bitmap b = to_rgb_bitmap(image);
  return encode_jpeg(b.data, b.width, b.height, quality);
}

std::string encode_webp(const Tensor& image, float quality) {
  const Bitmap b = to_rgb_bitmap(image);
  return encode_webp(b.data, b.width, b.height, quality);
}

void save_png(const std::filesystem::path& path, const Tensor& image, const TextChunks& text, int compression) {
  write_file(path, encode_png(image, text, compression));
}

}  // namespace easel::formats
