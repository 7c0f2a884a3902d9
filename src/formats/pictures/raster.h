// Decoded pixels between a picture file and tensors.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace easel::formats {

using PictureText = std::map<std::string, std::string>;

// 8-bit pixels, frame after frame, row after row from the top left.
struct Raster {
  int64_t width = 0, height = 0, frames = 1;
  std::vector<uint8_t> rgb;    // 3 per pixel
  std::vector<uint8_t> alpha;  // 1 per pixel, or empty: opaque
  // False where the alpha comes from one colour declared transparent in a picture without an alpha
  // channel: PIL, and so LoadImage, does not count that as alpha.
  bool has_alpha_channel = false;
  // Says which part could not be read ("ends too early: ..."); empty if the picture is complete.
  std::string warning;
};

constexpr int64_t kAllFrames = int64_t{1} << 40;

// Everything in a picture file but its pixels.
struct PictureHead {
  int64_t width = 0, height = 0;  // as stored, before any rotation
  int64_t frames = 1;             // at most so many are decoded
  int orientation = 1;            // EXIF's 1 to 8
  PictureText text;               // UTF-8
};

// Throws Error(kBadFile) when width x height x frames is zero or beyond what a picture may have.
void check_picture_size(uint64_t width, uint64_t height, uint64_t frames = 1);

// a * b / 255, rounded as PIL does it.
inline uint8_t scale_255(int a, int b) {
  const int t = a * b + 128;
  return static_cast<uint8_t>(((t >> 8) + t) >> 8);
}
// below * (1 - alpha) + above * alpha, rounded as PIL's paste() does it.
inline uint8_t blend_255(int below, int above, int alpha) {
  const int t = below * (255 - alpha) + above * alpha + 128;
  return static_cast<uint8_t>(((t >> 8) + t) >> 8);
}

// Turns every frame by EXIF's orientation.
void make_upright(Raster& raster, int orientation);

// Pixels of 1 (grey), 3 (RGB) or 4 (RGBA) channels to a file.
std::string encode_png(std::span<const uint8_t> pixels, int64_t width, int64_t height, int channels,
                       const std::vector<std::pair<std::string, std::string>>& text, int compression);
std::string encode_jpeg(std::span<const uint8_t> rgb, int64_t width, int64_t height, int quality);
std::string encode_webp(std::span<const uint8_t> rgb, int64_t width, int64_t height, float quality);

}  // namespace easel::formats
