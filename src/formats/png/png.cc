#include "formats/png/png.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "base/cancel.h"
#include "base/error.h"
#include "formats/pictures/decoders.h"
#include "formats/png/png_frames.h"
#include "formats/png/png_reader.h"

namespace easel::formats {
namespace {

using Bytes = std::span<const uint8_t>;
using Colour = std::array<uint8_t, 3>;

// Raw samples of a picture: 8 bits each, or 16 (high byte first) where `wide`.
struct Samples {
  uint32_t width = 0, height = 0;
  int channels = 0;
  bool wide = false, palette = false;
  std::vector<uint8_t> data;
};

// Rows of an interlaced picture count once in each of its passes.
struct RowsRead {
  int64_t done = 0, wanted = 0;
  std::string why;  // the others could not be read
  bool complete() const { return done == wanted; }
};

// Reads as many rows as there are; the others stay zero, as in PIL.
Samples read_samples(PngReader& reader, RowsRead& read) {
  png_structp png = reader.png();
  png_infop info = reader.info();
  Samples s;
  s.width = png_get_image_width(png, info);
  s.height = png_get_image_height(png, info);
  check_picture_size(s.width, s.height);
  const int type = png_get_color_type(png, info), depth = png_get_bit_depth(png, info);
  s.palette = type == PNG_COLOR_TYPE_PALETTE;
  s.wide = type == PNG_COLOR_TYPE_GRAY && depth == 16;
  int passes = 1;
  const bool set = reader.run([png, info, type, depth, &passes] {
    if (depth < 8 && type == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png);
    if (depth < 8 && type == PNG_COLOR_TYPE_PALETTE) png_set_packing(png);
    if (depth == 16 && type != PNG_COLOR_TYPE_GRAY) png_set_strip_16(png);
    passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
  });
  if (!set) bad_png(reader.why());
  s.channels = png_get_channels(png, info);
  const size_t row = png_get_rowbytes(png, info);
  s.data.resize(row * s.height);
  read.wanted = int64_t{passes} * s.height;
  constexpr size_t kRows = 64;  // between two looks at whether the work is to stop
  bool all = true;
  for (size_t at = 0, rows = static_cast<size_t>(read.wanted); all && at < rows; at += kRows) {
    poll_cancelled();
    all = reader.run([png, first = s.data.data(), row, at, end = std::min(rows, at + kRows), height = s.height, &read] {
      for (size_t i = at; i < end; ++i) {
        png_read_row(png, first + i % height * row, nullptr);
        ++read.done;
      }
    });
  }
  if (!all) read.why = reader.why();
  return s;
}

// 16-bit grey as in ComfyUI: PIL's "I" mode times 1/255, truncated to integers and limited to 255.
uint8_t narrow_grey(const uint8_t* p) {
  return static_cast<uint8_t>(std::min(255, static_cast<int>((p[0] << 8 | p[1]) * (1.0 / 255))));
}

// The colour declared transparent, in 8 bits a channel, or nothing.
std::optional<std::array<uint8_t, 3>> transparent_colour(PngReader& reader) {
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

Palette read_palette(PngReader& reader) {
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

// What its samples mean.
struct Meaning {
  Palette palette;
  std::optional<Colour> transparent;
};

size_t bytes_per_pixel(const Samples& s) { return static_cast<size_t>(s.channels) * (s.wide ? 2 : 1); }

void append_from_palette(Raster& out, const Samples& s, const Palette& palette) {
  const size_t pixels = static_cast<size_t>(s.width) * s.height;
  const size_t start = out.rgb.size() / 3;
  out.rgb.resize((start + pixels) * 3);
  for (size_t i = 0; i < pixels; ++i)
    std::copy_n(palette.colours[s.data[i]].data(), 3, out.rgb.data() + 3 * (start + i));
  if (!palette.transparent) return;
  out.has_alpha_channel = true;
  out.alpha.resize(start + pixels);
  for (size_t i = 0; i < pixels; ++i) out.alpha[start + i] = palette.alpha[s.data[i]];
}

void append_from_samples(Raster& out, const Samples& s, const std::optional<Colour>& transparent) {
  const size_t pixels = static_cast<size_t>(s.width) * s.height, channels = static_cast<size_t>(s.channels);
  const size_t start = out.rgb.size() / 3;
  const bool colour = channels >= 3;
  out.has_alpha_channel = channels == 2 || channels == 4;
  out.rgb.resize((start + pixels) * 3);
  if (out.has_alpha_channel || transparent) out.alpha.resize(start + pixels);
  for (size_t i = 0; i < pixels; ++i) {
    const uint8_t* in = s.data.data() + i * bytes_per_pixel(s);
    uint8_t* to = out.rgb.data() + 3 * (start + i);
    if (colour) std::copy_n(in, 3, to);
    else std::fill_n(to, 3, s.wide ? narrow_grey(in) : in[0]);
    if (out.has_alpha_channel) out.alpha[start + i] = in[channels - 1];
    else if (transparent) out.alpha[start + i] = std::equal(transparent->begin(), transparent->end(), to) ? 0 : 255;
  }
}

void append_frame(Raster& out, const Samples& s, const Meaning& meaning) {
  out.width = s.width;
  out.height = s.height;
  if (s.palette) append_from_palette(out, s, meaning.palette);
  else append_from_samples(out, s, meaning.transparent);
}

std::string what_is_missing(const RowsRead& read) {
  std::string out = "it ends too early or is damaged (" + read.why + "): ";
  out += std::to_string(read.wanted - read.done) + " of its " + std::to_string(read.wanted) + " rows are missing";
  return out;
}

Raster decode_still(Bytes bytes, const PngSurvey& survey) {
  std::string mended;
  if (survey.cut_pixels) {
    // libpng takes the last chunk only when it is whole.
    mended.assign(reinterpret_cast<const char*>(bytes.data()), *survey.cut_pixels);
    append_png_chunk(mended, "IDAT", bytes.subspan(std::min(bytes.size(), *survey.cut_pixels + 8)));
    bytes = {reinterpret_cast<const uint8_t*>(mended.data()), mended.size()};
  }
  PngReader reader(bytes, PngWanted::kPixels);
  const Meaning meaning{read_palette(reader), transparent_colour(reader)};
  RowsRead read;
  const Samples s = read_samples(reader, read);
  if (read.done == 0) bad_png(read.why.empty() ? "it has no pixels" : read.why.c_str());
  Raster out;
  append_frame(out, s, meaning);
  if (!read.complete()) out.warning = what_is_missing(read);
  else if (!survey.ends) out.warning = "it ends without its end mark";
  else if (!survey.sound) out.warning = "it is damaged: a checksum is wrong";
  return out;
}

// A part of the canvas, as it was.
struct Patch {
  size_t x = 0, y = 0, width = 0, height = 0;
  std::vector<uint8_t> data;
};

Patch cut_out(const Samples& canvas, const PngFrame& frame) {
  const size_t bpp = bytes_per_pixel(canvas);
  Patch patch{frame.x, frame.y, frame.width, frame.height, {}};
  for (size_t y = 0; y < patch.height; ++y) {
    const uint8_t* row = canvas.data.data() + ((patch.y + y) * canvas.width + patch.x) * bpp;
    patch.data.insert(patch.data.end(), row, row + patch.width * bpp);
  }
  return patch;
}

void put_back(Samples& canvas, const Patch& patch) {
  const size_t bpp = bytes_per_pixel(canvas);
  for (size_t y = 0; y < patch.height; ++y)
    std::copy_n(patch.data.data() + y * patch.width * bpp, patch.width * bpp,
                canvas.data.data() + ((patch.y + y) * canvas.width + patch.x) * bpp);
}

int alpha_of(const Samples& s, const uint8_t* pixel, const Meaning& meaning) {
  if (s.palette) return meaning.palette.transparent ? meaning.palette.alpha[*pixel] : 255;
  if (s.channels == 2 || s.channels == 4) return pixel[s.channels - 1];
  if (s.channels == 3 && meaning.transparent)
    return std::equal(meaning.transparent->begin(), meaning.transparent->end(), pixel) ? 0 : 255;
  return 255;
}

// As PIL pastes it: every channel is mixed by the new alpha, that of the alpha too.
void draw(Samples& canvas, const Samples& part, const PngFrame& frame, size_t rows, bool blend,
          const Meaning& meaning) {
  const size_t bpp = bytes_per_pixel(canvas);
  for (size_t y = 0; y < rows; ++y)
    for (size_t x = 0; x < frame.width; ++x) {
      const uint8_t* in = part.data.data() + (y * frame.width + x) * bpp;
      uint8_t* to = canvas.data.data() + ((frame.y + y) * canvas.width + frame.x + x) * bpp;
      const int alpha = blend ? alpha_of(part, in, meaning) : 255;
      for (size_t c = 0; c < bpp; ++c) to[c] = blend_255(to[c], in[c], alpha);
    }
}

// The canvas from frame to frame.
class Animation {
 public:
  explicit Animation(const PngSurvey& survey) {
    canvas_.width = survey.width;
    canvas_.height = survey.height;
  }
  const Samples& canvas() const { return canvas_; }
  const Meaning& meaning() const { return meaning_; }

  // Leaves the canvas as it is and says so when nothing of the frame can be read.
  RowsRead draw_next(const PngFrame& frame) {
    PngReader reader({reinterpret_cast<const uint8_t*>(frame.file.data()), frame.file.size()}, PngWanted::kPixels);
    RowsRead read;
    if (first_) meaning_ = {read_palette(reader), transparent_colour(reader)};
    const Samples part = read_samples(reader, read);
    if (read.done == 0) return read;
    if (first_) {
      canvas_.channels = part.channels;
      canvas_.wide = part.wide;
      canvas_.palette = part.palette;
      canvas_.data.resize(size_t{canvas_.width} * canvas_.height * bytes_per_pixel(canvas_));
    }
    if (before_) put_back(canvas_, *before_);
    before_.reset();
    if (frame.dispose == PngDispose::kPrevious && !first_) {
      before_ = cut_out(canvas_, frame);
    } else if (frame.dispose != PngDispose::kNone) {
      before_ = Patch{frame.x, frame.y, frame.width, frame.height, {}};
      before_->data.resize(size_t{frame.width} * frame.height * bytes_per_pixel(canvas_));
    }
    const bool interlaced = read.wanted != frame.height;
    draw(canvas_, part, frame, interlaced ? frame.height : static_cast<size_t>(read.done), frame.blend && !first_,
         meaning_);
    first_ = false;
    return read;
  }

 private:
  Samples canvas_;
  Meaning meaning_;
  std::optional<Patch> before_;  // what is put back before the next frame
  bool first_ = true;
};

Raster decode_animation(Bytes bytes, const PngSurvey& survey, int64_t most_frames) {
  Raster out;
  out.frames = 0;
  PngFrames frames(bytes, /*keep=*/true);
  PngFrame frame;
  Animation animation(survey);
  const int64_t wanted = std::min(survey.frames, most_frames);
  while (out.frames < wanted && frames.next(frame)) {
    const RowsRead read = animation.draw_next(frame);
    if (read.done == 0) {
      if (out.frames == 0) bad_png(read.why.empty() ? "it has no pixels" : read.why.c_str());
      out.warning = "it ends too early or is damaged: frame " + std::to_string(out.frames + 1) + " cannot be read";
      return out;
    }
    append_frame(out, animation.canvas(), animation.meaning());
    ++out.frames;
    if (!read.complete()) out.warning = "in frame " + std::to_string(out.frames) + ", " + what_is_missing(read);
  }
  if (out.warning.empty() && !survey.ends) out.warning = "it ends without its end mark";
  else if (out.warning.empty() && !survey.sound) out.warning = "it is damaged: a checksum is wrong";
  return out;
}

Raster decode_png(Bytes bytes, int64_t most_frames) {
  const PngSurvey survey = survey_png(bytes);
  return survey.animated ? decode_animation(bytes, survey, most_frames) : decode_still(bytes, survey);
}

}  // namespace

PictureDecoder png_decoder() { return {.head = read_png_head, .decode = decode_png}; }

}  // namespace easel::formats
