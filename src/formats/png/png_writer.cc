#include <algorithm>

#include "base/cancel.h"
#include "base/error.h"
#include "formats/pictures/raster.h"
#include "formats/png/png_reader.h"

namespace easel::formats {
namespace {

struct Writer {
  Writer() : png(png_create_write_struct(PNG_LIBPNG_VER_STRING, &failure, png_failed, png_ignored)) {
    if (png) info = png_create_info_struct(png);
  }
  ~Writer() { png_destroy_write_struct(&png, &info); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Throws Error(kInternal) with what libpng says when a call of it fails.
  template <class Calls>
  void run(const Calls& calls) {
    if (!guarded(png, calls))
      throw Error(Fault::kInternal, std::string("cannot encode a PNG picture: ") + failure.message);
  }

  PngFailure failure;
  png_structp png = nullptr;
  png_infop info = nullptr;
};

constexpr size_t kPixelsOfBand = size_t{1} << 20;  // between two looks at whether the work is to stop

}  // namespace

std::string encode_png(std::span<const uint8_t> pixels, int64_t width, int64_t height, int channels,
                       const std::vector<std::pair<std::string, std::string>>& text, int compression) {
  std::string out;
  Writer writer;
  if (!writer.info) throw Error(Fault::kMemory, "out of memory for the PNG encoder");
  png_structp png = writer.png;
  png_infop info = writer.info;
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
  writer.run([png, info, &out, &chunks, width, height, channels, compression] {
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
  });
  const size_t band = std::max<size_t>(1, kPixelsOfBand / static_cast<size_t>(width));
  for (size_t y = 0; y < rows.size(); y += band) {
    poll_cancelled();
    png_bytep* const first = &rows[y];
    writer.run([png, first, count = static_cast<png_uint_32>(std::min(band, rows.size() - y))] {
      png_write_rows(png, first, count);
    });
  }
  writer.run([png] { png_write_end(png, nullptr); });
  return out;
}

}  // namespace easel::formats
