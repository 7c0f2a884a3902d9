// Conversion between picture files and tensors, with the pixel values of ComfyUI's nodes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/pictures/picture_format.h"
#include "formats/pictures/raster.h"
#include "tensor/tensor.h"

namespace easel::formats {

// A decoded picture, rotated to its EXIF orientation. N is 1, or the number of frames or pages that have the size of
// the first. Values are v / 255 for 8-bit values v, in [0, 1].
struct Picture {
  PictureFormat format = PictureFormat::kPng;
  int64_t width = 0, height = 0;
  Tensor rgb;  // [N, height, width, 3] f32
  // What LoadImage gives as MASK: 1 - alpha [N, height, width], or zeros [N, 64, 64] where the file has no
  // alpha channel (nor a palette with transparency).
  Tensor mask;
  // Alpha [N, height, width] as LoadImageMask sees it: also from a colour declared transparent; else ones.
  Tensor alpha;
  PictureText text;  // as in PictureInfo
  // Empty, or what of the picture could not be read: it ends too early or is damaged. The missing pixels are as PIL
  // leaves them, mostly black.
  std::string warning;
};

// What can be read from a file without decoding its pixels.
struct PictureInfo {
  PictureFormat format = PictureFormat::kPng;
  int64_t width = 0, height = 0;  // upright
  int64_t frames = 1;             // at most so many will be decoded
  // Texts in the file by name, UTF-8: PNG text chunks ("prompt", "workflow", "parameters"), and from EXIF
  // data "UserComment" and texts of the form "name:content". PNG texts of more than 32 MiB are passed over, and
  // compressed ones after the eighth.
  PictureText text;
};

// The formats of PictureFormat, told by content, with the pixels that PIL gives LoadImage. Throws Error(kBadFile) when
// nothing of the picture can be read, it has too many pixels or is no picture at all, Error(kUnsupported) for formats
// that this build lacks, naming the format and the package.
Picture decode_picture(std::span<const uint8_t> bytes);
// The same as 8-bit pixels, upright.
Raster decode_raster(std::span<const uint8_t> bytes, int64_t most_frames = kAllFrames);
PictureInfo inspect_picture(std::span<const uint8_t> bytes);

// The same for files; errors name them. Throws Error(kMissing) when one cannot be opened.
Picture load_picture(const std::filesystem::path& path);
PictureInfo inspect_picture_file(const std::filesystem::path& path);

// Named texts to put into a file, in order.
using TextChunks = std::vector<std::pair<std::string, std::string>>;

// All encoders take one picture, [H, W], [H, W, C] or [1, H, W, C] f32 with C of 1 (grey), 3 (RGB) or 4
// (RGBA; PNG only). Values are multiplied by 255, clipped to 0..255 and cut to whole numbers, as
// ComfyUI's SaveImage does. Throws Error(kInvalid) for other shapes.
// PNG: texts become tEXt chunks (iTXt beyond ASCII). Compression 0 to 9; SaveImage uses 4, previews 1.
std::string encode_png(const Tensor& image, const TextChunks& text = {}, int compression = 4);
// Quality 1 to 100; chroma at half resolution.
std::string encode_jpeg(const Tensor& image, int quality = 90);
std::string encode_webp(const Tensor& image, float quality = 90);

// encode_png() into a file that appears whole or not at all.
void save_png(const std::filesystem::path& path, const Tensor& image, const TextChunks& text = {}, int compression = 4);

}  // namespace easel::formats
