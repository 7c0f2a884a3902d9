#include <algorithm>

#include "base/error.h"
#include "formats/pictures/raster.h"
#include "formats/png/png_reader.h"

namespace easel::formats {

std::string encode_png(std::span<const uint8_t> pixels, int64_t width, int64_t height, int channels,
                       const std::vector<std::pair<std::string, std::string>>& text, int compression) {
  PngFailure failure;
  std::string out;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &failure, png_failed, png_ignored);
  png_infop info = png ? png_create_info_struct(png) : nullptr;
  if (!info) {
    png_destroy_write_struct(&png, nullptr);
    throw Error(Fault::kMemory, "out of memory for the PNG encoder");
  }
  std::vector<png_text> chunks;
  for (const auto& [key, value] : text) {
    png_text t{};
    const bool ascii =
        std::all_of(value.begin(), value.end(), [](char c) { return static_cast<unsigned char>(c) < 128; });
    t.compression = ascii ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
    t.key = const_cast<char*>(key.c_str());
    t.text = const_cast<char*>(value.c_str());
    (ascii ? t.text_length : t.itxt_length) = value.size();
    chunks.push_back(t);
  }
  std::vector<png_bytep> rows(static_cast<size_t>(height));
  for (size_t y = 0; y < rows.size(); ++y)
    rows[y] = const_cast<png_bytep>(pixels.data()) + y * static_cast<size_t>(width) * static_cast<size_t>(channels);
  const bool good = guarded(png, [png, info, &out, &chunks, &rows, width, height, channels, compression] {
    png_set_write_fn(
        png, &out,
        [](png_structp p, png_bytep data, size_t bytes) {
          static_cast<std::string*>(png_get_io_ptr(p))->append(reinterpret_cast<const char*>(data), bytes);
        },
        nullptr);
    const int type = channels == 1   ? PNG_COLOR_TYPE_GRAY
                     : channels == 3 ? PNG_COLOR_TYPE_RGB
                                     : PNG_COLOR_TYPE_RGB_ALPHA;
    png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), 8, type,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(png, compression);
    png_set_text(png, info, chunks.data(), static_cast<int>(chunks.size()));
    png_write_info(png, info);
    png_write_image(png, rows.data());
    png_write_end(png, nullptr);
  });
  png_destroy_write_struct(&png, &info);
  if (!good) throw Error(Fault::kInternal, std::string("cannot encode a PNG picture: ") + failure.message);
  return out;
}

}  // namespace easel::formats
