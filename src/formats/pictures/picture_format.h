// Which picture formats there are, and how a file's format is told by its first bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace easel::formats {

enum class PictureFormat { kPng, kJpeg, kWebp, kGif, kBmp, kTiff, kAvif, kHeic, kJxl };

struct PictureKind {
  PictureFormat format = PictureFormat::kPng;
  const char* name = nullptr;  // as people say it: "JPEG XL"
  const char* mime = nullptr;  // "image/jxl"
  // Of file names, in lower case, the usual one first.
  std::vector<std::string_view> endings;
};

// In the order of PictureFormat.
std::span<const PictureKind> picture_kinds();
const PictureKind& picture_kind(PictureFormat format);

// The kind whose files may end in `ending` (".jpg", in lower case), or nullptr.
const PictureKind* picture_kind_by_ending(std::string_view ending);

// By the first bytes; nothing where they are none of a picture that Easel knows. At most 4 KiB are looked at.
std::optional<PictureFormat> picture_format(std::span<const uint8_t> bytes);
std::optional<PictureFormat> picture_format(std::string_view bytes);

// Whether this build reads the format.
bool is_readable(PictureFormat format);

// "PNG, JPEG, WebP, ..." as far as this build reads them.
std::string readable_formats();

// "JPEG XL (needs libjxl-dev)", ...: what this build lacks and by which Debian package it could be had.
std::vector<std::string> absent_formats();

}  // namespace easel::formats
