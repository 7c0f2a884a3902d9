#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstring>
#include <memory>
#include <optional>

#include "base/error.h"
#include "formats/pictures/exif.h"
#include "formats/pictures/raster.h"
#include "formats/utf8.h"

// libpng reports errors by longjmp, which must not skip C++ destructors. Every call that can fail is therefore made
// inside guarded(), whose callable owns no object with a destructor.
namespace easel::formats {
namespace {

using Bytes = std::span<const uint8_t>;

constexpr size_t kMaxText = size_t{32} << 20;  // of one text chunk, after inflating
constexpr int kMostPackedTexts = 8;            // that are inflated at all

// Names of chunks to ignore, each terminated by a zero: those that are never used, and texts while pixels are decoded.
constexpr png_byte kIgnored[] = "iCCP\0sPLT\0tEXt\0zTXt\0iTXt\0eXIf";
enum class Wanted { kText, kPixels };

[[noreturn]] void bad(const std::string& message) { throw Error(Fault::kBadFile, "damaged PNG picture: " + message); }

struct Failure {
  char message[160] = {};
};

void on_error(png_structp png, png_const_charp message) {
  auto* failure = static_cast<Failure*>(png_get_error_ptr(png));
  std::strncpy(failure->message, message, sizeof failure->message - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

// Runs calls of libpng; false when one failed.
template <class Calls>
bool guarded(png_structp png, const Calls& calls) {
  static_assert(std::is_trivially_destructible_v<Calls>);
  if (setjmp(png_jmpbuf(png))) return false;
  calls();
  return true;
}

class Reader {
 public:
  // Delegates, so that the destructor runs also when reading the first chunks fails.
  Reader(Bytes bytes, Wanted wanted) : Reader(bytes, Created{}) {
    run([this, ignored = wanted == Wanted::kText ? 2 : 6] {
      png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, kIgnored, ignored);
      png_set_read_fn(png_, &rest_, on_read);
      png_set_chunk_malloc_max(png_, kMaxText);
      png_set_user_limits(png_, 1 << 20, 1 << 20);
      png_read_info(png_, info_);
    });
  }
  ~Reader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  png_structp png() const { return png_; }
  png_infop info() const { return info_; }
  template <class Calls>
  void run(const Calls& calls) {
    if (!guarded(png_, calls)) bad(failure_.message);
  }

 private:
  static void on_read(png_structp png, png_bytep out, size_t bytes) {
    auto* rest = static_cast<Bytes*>(png_get_io_ptr(png));
    if (bytes > rest->size()) png_error(png, "it ends too early");
    std::memcpy(out, rest->data(), bytes);
    *rest = rest->subspan(bytes);
  }

  struct Created {};
  Reader(Bytes bytes, Created) : rest_(bytes) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &failure_, on_error, on_warning);
    if (png_) info_ = png_create_info_struct(png_);
    if (info_) return;
    png_destroy_read_struct(&png_, nullptr, nullptr);
    throw Error(Fault::kMemory, "out of memory for the PNG decoder");
  }

  Bytes rest_;
  Failure failure_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

// Raw samples of a picture: 8 bits each, or 16 (high byte first) where `wide`.
struct Samples {
  uint32_t width = 0, height = 0;
  int channels = 0;
  bool wide = false, palette = false;
  std::vector<uint8_t> data;
};

Samples read_samples(Reader& reader) {
  png_structp png = reader.png();
  png_infop info = reader.info();
  Samples s;
  s.width = png_get_image_width(png, info);
  s.height = png_get_image_height(png, info);
  check_picture_size(s.width, s.height);
  const int type = png_get_color_type(png, info), depth = png_get_bit_depth(png, info);
  s.palette = type == PNG_COLOR_TYPE_PALETTE;
  s.wide = type == PNG_COLOR_TYPE_GRAY && depth == 16;
  reader.run([png, info, type, depth] {
    if (depth < 8 && type == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png);
    if (depth < 8 && type == PNG_COLOR_TYPE_PALETTE) png_set_packing(png);
    if (depth == 16 && type != PNG_COLOR_TYPE_GRAY) png_set_strip_16(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
  });
  s.channels = png_get_channels(png, info);
  const size_t row = png_get_rowbytes(png, info);
  s.data.resize(row * s.height);
  std::vector<png_bytep> rows(s.height);
  for (size_t y = 0; y < s.height; ++y) rows[y] = s.data.data() + y * row;
  png_bytepp first = rows.data();
  reader.run([png, first] {
    png_read_image(png, first);
    png_read_end(png, nullptr);
  });
  return s;
}

// 16-bit grey as in ComfyUI: PIL's "I" mode times 1/255, truncated to integers and limited to 255.
uint8_t narrow_grey(const uint8_t* p) {
  return static_cast<uint8_t>(std::min(255, static_cast<int>((p[0] << 8 | p[1]) * (1.0 / 255))));
}

// The colour declared transparent, in 8 bits a channel, or nothing.
std::optional<std::array<uint8_t, 3>> transparent_colour(Reader& reader) {
  png_color_16p colour = nullptr;
  png_bytep alphas = nullptr;
  int count = 0;
  if (!png_get_tRNS(reader.png(), reader.info(), &alphas, &count, &colour) || !colour) return std::nullopt;
  const int depth = png_get_bit_depth(reader.png(), reader.info());
  if (png_get_color_type(reader.png(), reader.info()) == PNG_COLOR_TYPE_GRAY) {
    if (depth == 16) return std::nullopt;
    const auto grey = static_cast<uint8_t>((colour->gray & ((1 << depth) - 1)) * 255 / ((1 << depth) - 1));
    return std::array{grey, grey, grey};
  }
  const int shift = depth == 16 ? 8 : 0;
  return std::array{static_cast<uint8_t>(colour->red >> shift), static_cast<uint8_t>(colour->green >> shift),
                    static_cast<uint8_t>(colour->blue >> shift)};
}

struct Palette {
  std::array<std::array<uint8_t, 3>, 256> colours;
  std::array<uint8_t, 256> alpha;
  bool transparent = false;
};

Palette read_palette(Reader& reader) {
  Palette p;
  p.alpha.fill(255);
  // Colours a file does not define are greys, as in PIL.
  for (size_t i = 0; i < 256; ++i) p.colours[i].fill(static_cast<uint8_t>(i));
  png_colorp colours = nullptr;
  int count = 0;
  if (png_get_PLTE(reader.png(), reader.info(), &colours, &count))
    for (size_t i = 0; i < static_cast<size_t>(count) && i < 256; ++i)
      p.colours[i] = {colours[i].red, colours[i].green, colours[i].blue};
  png_bytep alphas = nullptr;
  int transparent = 0;
  if (png_get_tRNS(reader.png(), reader.info(), &alphas, &transparent, nullptr) && alphas) {
    p.transparent = true;
    for (size_t i = 0; i < static_cast<size_t>(transparent) && i < 256; ++i) p.alpha[i] = alphas[i];
  }
  return p;
}

Raster from_palette(const Samples& s, const Palette& palette) {
  Raster out;
  const size_t pixels = static_cast<size_t>(s.width) * s.height;
  out.rgb.resize(pixels * 3);
  for (size_t i = 0; i < pixels; ++i) std::copy_n(palette.colours[s.data[i]].data(), 3, out.rgb.data() + 3 * i);
  if (palette.transparent) {
    out.has_alpha_channel = true;
    out.alpha.resize(pixels);
    for (size_t i = 0; i < pixels; ++i) out.alpha[i] = palette.alpha[s.data[i]];
  }
  return out;
}

Raster from_samples(const Samples& s, const std::optional<std::array<uint8_t, 3>>& transparent) {
  Raster out;
  const size_t pixels = static_cast<size_t>(s.width) * s.height, channels = static_cast<size_t>(s.channels);
  const bool colour = channels >= 3;
  out.has_alpha_channel = channels == 2 || channels == 4;
  out.rgb.resize(pixels * 3);
  if (out.has_alpha_channel || transparent) out.alpha.resize(pixels);
  for (size_t i = 0; i < pixels; ++i) {
    const uint8_t* in = s.data.data() + i * channels * (s.wide ? 2 : 1);
    uint8_t* to = out.rgb.data() + 3 * i;
    if (colour) std::copy_n(in, 3, to);
    else std::fill_n(to, 3, s.wide ? narrow_grey(in) : in[0]);
    if (out.has_alpha_channel) out.alpha[i] = in[channels - 1];
    else if (transparent) out.alpha[i] = std::equal(transparent->begin(), transparent->end(), to) ? 0 : 255;
  }
  return out;
}

// Some tools keep EXIF data in a text chunk: name, length and hexadecimal digits on lines.
void read_exif_text(std::string_view text, PictureHead& head) {
  std::string data;
  size_t line = 0;
  for (int skip = 0; skip < 3 && line != std::string_view::npos; ++skip)
    line = text.find('\n', skip == 0 ? 0 : line + 1);
  if (line == std::string_view::npos) return;
  int high = -1;
  for (char c : text.substr(line)) {
    const auto lower = static_cast<char>(c | 0x20);
    const int digit = c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
    if (digit < 0) continue;
    if (high < 0) {
      high = digit;
    } else {
      data += static_cast<char>(high << 4 | digit);
      high = -1;
    }
  }
  read_exif({reinterpret_cast<const uint8_t*>(data.data()), data.size()}, head);
}

void read_text(Reader& reader, PictureHead& head) {
  png_textp texts = nullptr;
  int count = 0;
  png_get_text(reader.png(), reader.info(), &texts, &count);
  for (int i = 0; i < count; ++i) {
    const size_t length =
        texts[i].compression >= PNG_ITXT_COMPRESSION_NONE ? texts[i].itxt_length : texts[i].text_length;
    const std::string_view key = texts[i].key, value(texts[i].text ? texts[i].text : "", texts[i].text ? length : 0);
    if (key == "Raw profile type exif") read_exif_text(value, head);
    else head.text[to_utf8(key)] = to_utf8(value);
  }
}

// PIL looks for the orientation in XMP data when EXIF has none.
void read_xmp_orientation(PictureHead& head) {
  const auto xmp = head.text.find("XML:com.adobe.xmp");
  if (xmp == head.text.end() || head.orientation != 1) return;
  for (const std::string_view tag : {"tiff:Orientation=\"", "tiff:Orientation>"}) {
    const size_t at = xmp->second.find(tag);
    if (at == std::string::npos || at + tag.size() >= xmp->second.size()) continue;
    const char digit = xmp->second[at + tag.size()];
    if (digit >= '1' && digit <= '8') head.orientation = digit - '0';
  }
}

// Whether a chunk is a text that must be inflated: every zTXt, and an iTXt whose compression flag is set.
bool is_packed_text(std::string_view type, std::string_view data) {
  const size_t name = data.find('\0');
  return type == "zTXt" || (type == "iTXt" && name != std::string_view::npos && data.substr(name + 1, 1) == "\1");
}

// Skips the pixel data chunk by chunk without inflating it, because text may follow.
std::string without_pixels(Bytes bytes) {
  std::string out(reinterpret_cast<const char*>(bytes.data()), 8);
  int packed = 0;
  for (size_t at = 8; bytes.size() - at >= 12;) {
    const size_t length = static_cast<size_t>(bytes[at]) << 24 |
                          static_cast<size_t>(bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3]);
    if (length > bytes.size() - at - 12) break;
    const std::string_view chunk(reinterpret_cast<const char*>(bytes.data()) + at, length + 12);
    const std::string_view type = chunk.substr(4, 4);
    const bool bomb = is_packed_text(type, chunk.substr(8, length)) && ++packed > kMostPackedTexts;
    if (type != "IDAT" && type != "IEND" && !bomb) out.append(chunk);
    at += length + 12;
  }
  // libpng reads up to the first IDAT; an empty one marks the end.
  out.append("\0\0\0\0IDAT\x35\xaf\x06\x1e", 12);
  return out;
}

}  // namespace

bool looks_like_png(Bytes bytes) { return bytes.size() >= 8 && png_sig_cmp(bytes.data(), 0, 8) == 0; }

PictureHead read_png_head(Bytes bytes) {
  const std::string shortened = without_pixels(bytes);
  Reader reader({reinterpret_cast<const uint8_t*>(shortened.data()), shortened.size()}, Wanted::kText);
  PictureHead head;
  head.width = png_get_image_width(reader.png(), reader.info());
  head.height = png_get_image_height(reader.png(), reader.info());
  check_picture_size(static_cast<uint64_t>(head.width), static_cast<uint64_t>(head.height));
  read_text(reader, head);
  png_bytep exif = nullptr;
  png_uint_32 length = 0;
  if (png_get_eXIf_1(reader.png(), reader.info(), &length, &exif) && exif) read_exif({exif, length}, head);
  read_xmp_orientation(head);
  return head;
}

Raster decode_png(Bytes bytes) {
  Reader reader(bytes, Wanted::kPixels);
  const auto transparent = transparent_colour(reader);
  const Palette palette = read_palette(reader);
  const Samples s = read_samples(reader);
  Raster out = s.palette ? from_palette(s, palette) : from_samples(s, transparent);
  out.width = s.width;
  out.height = s.height;
  return out;
}

std::string encode_png(Bytes pixels, int64_t width, int64_t height, int channels,
                       const std::vector<std::pair<std::string, std::string>>& text, int compression) {
  Failure failure;
  std::string out;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &failure, on_error, on_warning);
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
