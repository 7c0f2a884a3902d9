// TIFF pictures, page by page.
#include <tiffio.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/error.h"
#include "formats/pictures/decoders.h"
#include "formats/pictures/exif.h"
#include "formats/pictures/shared_library.h"
#include "formats/tiff/tiff_samples.h"

namespace easel::formats {
namespace {

using Bytes = std::span<const uint8_t>;

SharedLibrary kLibtiff(EASEL_SONAME_TIFF, "TIFF");
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFClientOpenExt);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFClose);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFComputeStrip);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFComputeTile);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFGetField);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFGetFieldDefaulted);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFGetStrileByteCount);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFGetStrileOffset);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFIsTiled);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFLastDirectory);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFNumberOfStrips);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFNumberOfTiles);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFOpenOptionsAlloc);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFOpenOptionsFree);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFOpenOptionsSetErrorHandlerExtR);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFOpenOptionsSetMaxSingleMemAlloc);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFOpenOptionsSetWarningHandlerExtR);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFReadDirectory);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFReadEncodedStrip);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFReadEncodedTile);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFReadRGBAImageOriented);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFSetField);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFStripSize64);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFTileRowSize64);
EASEL_LIBRARY_FUNCTION(kLibtiff, TIFFTileSize64);

constexpr uint64_t kMostBytes = uint64_t{1} << 31;   // of a page's samples
constexpr uint64_t kMostAtOnce = uint64_t{1} << 29;  // of one strip or tile, or anything else libtiff asks for
constexpr int kMostPages = 65535;

[[noreturn]] void bad(const std::string& message) { throw Error(Fault::kBadFile, "damaged TIFF picture: " + message); }

// A file in memory for libtiff. It may be made to look longer than it is; then it goes on with zeros.
struct Source {
  Bytes bytes;
  uint64_t size = 0, at = 0;
  std::string why;  // libtiff's last complaint
};

tmsize_t read_source(thandle_t handle, void* out, tmsize_t wanted) {
  auto& s = *static_cast<Source*>(handle);
  const uint64_t count = s.at >= s.size ? 0 : std::min(s.size - s.at, static_cast<uint64_t>(wanted));
  const uint64_t there = s.at >= s.bytes.size() ? 0 : std::min<uint64_t>(s.bytes.size() - s.at, count);
  if (there > 0) std::memcpy(out, s.bytes.data() + s.at, there);
  std::memset(static_cast<uint8_t*>(out) + there, 0, count - there);
  s.at += count;
  return static_cast<tmsize_t>(count);
}
tmsize_t write_source(thandle_t, void*, tmsize_t) { return 0; }
toff_t seek_source(thandle_t handle, toff_t offset, int whence) {
  auto& s = *static_cast<Source*>(handle);
  s.at = whence == SEEK_CUR ? s.at + offset : whence == SEEK_END ? s.size + offset : offset;
  return s.at;
}
int close_source(thandle_t) { return 0; }
toff_t size_of_source(thandle_t handle) { return static_cast<Source*>(handle)->size; }

int on_error(TIFF*, void* source, const char*, const char* format, va_list arguments) {
  char text[200];
  std::vsnprintf(text, sizeof text, format, arguments);
  static_cast<Source*>(source)->why = text;
  return 1;
}
int on_warning(TIFF*, void*, const char*, const char*, va_list) { return 1; }

struct Closer {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
  void operator()(TIFFOpenOptions* options) const { TIFFOpenOptionsFree(options); }
};
using File = std::unique_ptr<TIFF, Closer>;
using Options = std::unique_ptr<TIFFOpenOptions, Closer>;

File open(Source& source) {
  kLibtiff.open();
  const Options options(TIFFOpenOptionsAlloc());
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), static_cast<tmsize_t>(kMostAtOnce));
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), on_error, &source);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), on_warning, nullptr);
  source.at = 0;
  File file(TIFFClientOpenExt("", "rm", &source, read_source, write_source, seek_source, close_source, size_of_source,
                              nullptr, nullptr, options.get()));
  if (!file) bad(source.why.empty() ? "its first page cannot be found" : source.why);
  return file;
}

struct Page {
  TiffLayout layout;
  int orientation = 1;
  uint16_t compression = COMPRESSION_NONE;
  int64_t upright_width() const { return orientation >= 5 ? layout.height : layout.width; }
  int64_t upright_height() const { return orientation >= 5 ? layout.width : layout.height; }
};

Page read_page(TIFF* tiff) {
  Page page;
  TiffLayout& l = page.layout;
  uint32_t width = 0, height = 0;
  uint16_t value = 0;
  if (!TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width) || !TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height))
    bad("a page has no size");
  l.width = width;
  l.height = height;
  const auto field = [&](uint32_t tag, uint16_t missing) {
    return TIFFGetFieldDefaulted(tiff, tag, &value) ? value : missing;
  };
  l.bits = field(TIFFTAG_BITSPERSAMPLE, 1);
  l.samples = field(TIFFTAG_SAMPLESPERPIXEL, 1);
  l.format = field(TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT);
  l.separate = field(TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) == PLANARCONFIG_SEPARATE;
  page.compression = field(TIFFTAG_COMPRESSION, COMPRESSION_NONE);
  l.photometric = TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &value) ? value : uint16_t{PHOTOMETRIC_MINISWHITE};
  const uint16_t orientation = field(TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
  if (orientation >= 1 && orientation <= 8) page.orientation = orientation;
  uint16_t extras = 0, *kinds = nullptr;
  if (TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extras, &kinds) && extras > 0 && kinds) {
    l.extras = extras;
    l.first_extra = kinds[0];
  }
  return page;
}

// What libtiff has to turn into colours itself.
bool is_libtiffs(const Page& page) {
  const TiffLayout& l = page.layout;
  return l.photometric == PHOTOMETRIC_YCBCR || l.photometric == PHOTOMETRIC_CIELAB ||
         l.photometric == PHOTOMETRIC_LOGL || l.photometric == PHOTOMETRIC_LOGLUV ||
         page.compression == COMPRESSION_OJPEG;
}

void append(Raster& out, Raster page, int orientation) {
  make_upright(page, orientation);
  // Pages without alpha among such with it are opaque.
  const size_t before = out.rgb.size() / 3;
  if (!page.alpha.empty() || !out.alpha.empty()) {
    out.alpha.resize(before, 255);
    page.alpha.resize(page.rgb.size() / 3, 255);
    out.alpha.insert(out.alpha.end(), page.alpha.begin(), page.alpha.end());
  }
  out.has_alpha_channel |= page.has_alpha_channel;
  if (out.rgb.empty()) out.rgb = std::move(page.rgb);
  else out.rgb.insert(out.rgb.end(), page.rgb.begin(), page.rgb.end());
}

class PageReader {
 public:
  PageReader(TIFF* tiff, Source& source, const Page& page) : tiff_(tiff), source_(source), page_(page) {}

  // Rows that cannot be read stay zero. `missing` says whether there are any. Throws where nothing can be read.
  Raster read(bool& missing) {
    missing = false;
    check();
    if (is_libtiffs(page_) && page_.compression != COMPRESSION_JPEG) return by_libtiff();
    TiffLayout layout = page_.layout;
    if (page_.compression == COMPRESSION_JPEG && layout.photometric == PHOTOMETRIC_YCBCR) {
      TIFFSetField(tiff_, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
      layout.photometric = PHOTOMETRIC_RGB;
    } else if (is_libtiffs(page_)) {
      return by_libtiff();
    }
    std::vector<uint8_t> samples(layout.bytes());
    const bool any = TIFFIsTiled(tiff_) ? read_tiles(layout, samples, missing) : read_strips(layout, samples, missing);
    if (!any) bad(source_.why.empty() ? "nothing of its pixels can be read" : source_.why);
    uint16_t *red = nullptr, *green = nullptr, *blue = nullptr;
    if (layout.photometric == PHOTOMETRIC_PALETTE && !TIFFGetField(tiff_, TIFFTAG_COLORMAP, &red, &green, &blue))
      bad("it has no palette");
    return tiff_raster(layout, samples, {red, green, blue});
  }

 private:
  void check() const {
    const TiffLayout& l = page_.layout;
    check_picture_size(static_cast<uint64_t>(l.width), static_cast<uint64_t>(l.height));
    if (l.bytes() > kMostBytes) bad("a page has more samples than a picture may have");
    const uint64_t at_once = TIFFIsTiled(tiff_) ? TIFFTileSize64(tiff_) : TIFFStripSize64(tiff_);
    if (at_once == 0 || at_once > kMostAtOnce) bad("its strips or tiles have no possible size");
  }

  // Strips that fail may have been read in part.
  bool take(tmsize_t read, tmsize_t wanted, bool& missing, const uint8_t* data) {
    if (read == wanted) return true;
    missing = true;
    return read > 0 || std::any_of(data, data + wanted, [](uint8_t v) { return v != 0; });
  }

  bool read_strips(const TiffLayout& l, std::vector<uint8_t>& samples, bool& missing) {
    uint32_t rows = 0;
    TIFFGetFieldDefaulted(tiff_, TIFFTAG_ROWSPERSTRIP, &rows);
    const int64_t per_strip = std::clamp<int64_t>(rows, 1, l.height);
    bool any = false;
    for (int64_t plane = 0; plane < l.planes(); ++plane)
      for (int64_t y = 0; y < l.height; y += per_strip) {
        poll_cancelled();
        const auto count = static_cast<size_t>(std::min(per_strip, l.height - y));
        uint8_t* to = samples.data() + (static_cast<size_t>(plane * l.height + y)) * l.row_bytes();
        const auto wanted = static_cast<tmsize_t>(count * l.row_bytes());
        const uint32_t strip = TIFFComputeStrip(tiff_, static_cast<uint32_t>(y), static_cast<uint16_t>(plane));
        const tmsize_t read = TIFFReadEncodedStrip(tiff_, strip, to, wanted);
        const uint64_t start = TIFFGetStrileOffset(tiff_, strip);
        if (page_.compression == COMPRESSION_NONE && start + static_cast<uint64_t>(wanted) > source_.bytes.size()) {
          // As PIL, which shows whole rows.
          missing = true;
          const uint64_t there = start < source_.bytes.size() ? source_.bytes.size() - start : 0;
          const size_t whole = static_cast<size_t>(there) / l.row_bytes() * l.row_bytes();
          std::fill(to + whole, to + wanted, uint8_t{0});
          any |= whole > 0;
          continue;
        }
        any |= take(read, wanted, missing, to);
      }
    return any;
  }

  bool read_tiles(const TiffLayout& l, std::vector<uint8_t>& samples, bool& missing) {
    uint32_t tile_width = 0, tile_height = 0;
    TIFFGetField(tiff_, TIFFTAG_TILEWIDTH, &tile_width);
    TIFFGetField(tiff_, TIFFTAG_TILELENGTH, &tile_height);
    if (tile_width == 0 || tile_height == 0) bad("its tiles have no size");
    const auto size = static_cast<size_t>(TIFFTileSize64(tiff_));
    const size_t tile_row = static_cast<size_t>(TIFFTileRowSize64(tiff_));
    if (tile_row * tile_height > size) bad("its tiles have no possible size");
    const size_t bits = l.bits_per_pixel();
    std::vector<uint8_t> tile(size);
    bool any = false;
    for (int64_t plane = 0; plane < l.planes(); ++plane)
      for (int64_t y = 0; y < l.height; y += tile_height)
        for (int64_t x = 0; x < l.width; x += tile_width) {
          poll_cancelled();
          std::fill(tile.begin(), tile.end(), uint8_t{0});
          const uint32_t number = TIFFComputeTile(tiff_, static_cast<uint32_t>(x), static_cast<uint32_t>(y), 0,
                                                  static_cast<uint16_t>(plane));
          any |= take(TIFFReadEncodedTile(tiff_, number, tile.data(), static_cast<tmsize_t>(size)),
                      static_cast<tmsize_t>(size), missing, tile.data());
          if (static_cast<size_t>(x) * bits % 8 != 0) bad("its tiles do not begin at whole bytes");
          const size_t columns = static_cast<size_t>(std::min<int64_t>(tile_width, l.width - x));
          const size_t bytes = (columns * bits + 7) / 8;
          for (int64_t row = 0; row < std::min<int64_t>(tile_height, l.height - y); ++row)
            std::copy_n(tile.data() + static_cast<size_t>(row) * tile_row, std::min(bytes, tile_row),
                        samples.data() + static_cast<size_t>(plane * l.height + y + row) * l.row_bytes() +
                            static_cast<size_t>(x) * bits / 8);
        }
    return any;
  }

  // libtiff's own conversion, which leaves nothing of what it cannot read.
  Raster by_libtiff() {
    const TiffLayout& l = page_.layout;
    Raster out;
    out.width = l.width;
    out.height = l.height;
    const auto pixels = static_cast<size_t>(l.width * l.height);
    std::vector<uint32_t> rgba(pixels);
    // As stored: the orientation is applied with all others.
    TIFFSetField(tiff_, TIFFTAG_ORIENTATION, uint16_t{ORIENTATION_TOPLEFT});
    if (!TIFFReadRGBAImageOriented(tiff_, static_cast<uint32_t>(l.width), static_cast<uint32_t>(l.height), rgba.data(),
                                   ORIENTATION_TOPLEFT, 1))
      bad(source_.why.empty() ? "its pixels cannot be read" : source_.why);
    out.rgb.resize(pixels * 3);
    for (size_t i = 0; i < pixels; ++i)
      for (size_t c = 0; c < 3; ++c) out.rgb[3 * i + c] = static_cast<uint8_t>(rgba[i] >> (8 * c));
    return out;
  }

  TIFF* tiff_;
  Source& source_;
  const Page& page_;
};

// Where the last strip or tile of the first page ends, as the file says.
uint64_t end_of_pixels(TIFF* tiff) {
  const uint32_t count = TIFFIsTiled(tiff) ? TIFFNumberOfTiles(tiff) : TIFFNumberOfStrips(tiff);
  uint64_t end = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t at = TIFFGetStrileOffset(tiff, i), bytes = TIFFGetStrileByteCount(tiff, i);
    if (at < kMostBytes && bytes < kMostBytes) end = std::max(end, at + bytes);
  }
  return end;
}

// Opens the file; one that is cut within its pixels goes on with zeros.
File open_mended(Source& source, bool& cut) {
  File file = open(source);
  const uint64_t end = end_of_pixels(file.get());
  cut = end > source.bytes.size();
  if (!cut) return file;
  source.size = end;
  return open(source);
}

PictureHead read_head(Bytes bytes) {
  Source source{bytes, bytes.size(), 0, {}};
  bool cut = false;
  const File file = open_mended(source, cut);
  const Page first = read_page(file.get());
  PictureHead head;
  head.width = first.upright_width();
  head.height = first.upright_height();
  check_picture_size(static_cast<uint64_t>(head.width), static_cast<uint64_t>(head.height));
  while (head.frames < kMostPages && TIFFReadDirectory(file.get())) ++head.frames;
  // Its own directory is laid out as EXIF's. The orientation, a page's own matter, is applied by decode().
  read_exif(bytes, head);
  head.orientation = 1;
  return head;
}

Raster decode(Bytes bytes, int64_t most_frames) {
  Source source{bytes, bytes.size(), 0, {}};
  bool cut = false;
  const File file = open_mended(source, cut);
  Raster out;
  out.frames = 0;
  for (int64_t number = 1; number <= kMostPages && out.frames < most_frames; ++number) {
    const Page page = read_page(file.get());
    if (out.frames == 0) {
      out.width = page.upright_width();
      out.height = page.upright_height();
    }
    // As LoadImage, which leaves out pages of another size than the first.
    if (page.upright_width() == out.width && page.upright_height() == out.height) {
      check_picture_size(static_cast<uint64_t>(out.width), static_cast<uint64_t>(out.height),
                         static_cast<uint64_t>(out.frames) + 1);
      bool missing = false;
      try {
        append(out, PageReader(file.get(), source, page).read(missing), page.orientation);
        ++out.frames;
      } catch (const Error& e) {
        if (out.frames == 0 || e.fault() == Fault::kMemory || e.fault() == Fault::kCancelled) throw;
        out.warning = "page " + std::to_string(number) + " and those after it cannot be read (" + e.message() + ")";
        return out;
      }
      if (missing && out.warning.empty())
        out.warning = (cut ? "it ends too early" : "it is damaged (" + source.why + ")") + ": pixels of page " +
                      std::to_string(number) + " are missing";
    }
    if (TIFFLastDirectory(file.get())) break;
    if (!TIFFReadDirectory(file.get())) {
      if (out.warning.empty())
        out.warning = "page " + std::to_string(number + 1) + " and those after it cannot be found: it was likely cut";
      break;
    }
  }
  if (cut && out.warning.empty()) out.warning = "it ends too early";
  return out;
}

}  // namespace

PictureDecoder tiff_decoder() { return {.head = read_head, .decode = decode}; }

}  // namespace easel::formats
