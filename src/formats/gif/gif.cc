// GIF pictures and animations, put together frame by frame as PIL does it.
#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/error.h"
#include "formats/pictures/decoders.h"
#include "formats/pictures/shared_library.h"

namespace easel::formats {
namespace {

using Bytes = std::span<const uint8_t>;
using Colour = std::array<uint8_t, 4>;
using Palette = std::array<Colour, 256>;

SharedLibrary kGiflib(EASEL_SONAME_GIF, "GIF");
EASEL_LIBRARY_FUNCTION(kGiflib, DGifCloseFile);
EASEL_LIBRARY_FUNCTION(kGiflib, DGifExtensionToGCB);
EASEL_LIBRARY_FUNCTION(kGiflib, DGifGetCodeNext);
EASEL_LIBRARY_FUNCTION(kGiflib, DGifGetExtension);
EASEL_LIBRARY_FUNCTION(kGiflib, DGifGetExtensionNext);
EASEL_LIBRARY_FUNCTION(kGiflib, DGifGetImageDesc);
EASEL_LIBRARY_FUNCTION(kGiflib, DGifGetLine);
EASEL_LIBRARY_FUNCTION(kGiflib, DGifGetRecordType);
EASEL_LIBRARY_FUNCTION(kGiflib, DGifOpen);

[[noreturn]] void bad(const std::string& message) { throw Error(Fault::kBadFile, "damaged GIF picture: " + message); }

struct Closer {
  void operator()(GifFileType* file) const { DGifCloseFile(file, nullptr); }
};
using File = std::unique_ptr<GifFileType, Closer>;

int read_bytes(GifFileType* file, GifByteType* out, int wanted) {
  auto* rest = static_cast<Bytes*>(file->UserData);
  const size_t count = std::min(rest->size(), static_cast<size_t>(std::max(0, wanted)));
  std::memcpy(out, rest->data(), count);
  *rest = rest->subspan(count);
  return static_cast<int>(count);
}

File open(Bytes& rest) {
  kGiflib.open();
  int why = 0;
  File file(DGifOpen(&rest, read_bytes, &why));
  if (!file) bad("its header is malformed or ends too early");
  return file;
}

// What stands before a frame's pixels.
struct Frame {
  int64_t x = 0, y = 0, width = 0, height = 0;
  int disposal = 0;                // 0: as the frame before
  std::optional<int> transparent;  // index of a colour
  bool interlaced = false;
};

// Goes from frame to frame. Bytes that begin nothing are skipped, as PIL does.
class Walk {
 public:
  explicit Walk(Bytes bytes) : rest_(bytes), file_(open(rest_)) {}

  GifFileType* file() const { return file_.get(); }
  bool ended() const { return ended_; }  // by the end mark

  // False where there are no more frames. The pixels must be read or skipped before the next.
  bool next(Frame& frame) {
    frame = {};
    for (;;) {
      GifRecordType record = UNDEFINED_RECORD_TYPE;
      if (DGifGetRecordType(file_.get(), &record) == GIF_ERROR) {
        if (file_->Error != D_GIF_ERR_WRONG_RECORD || rest_.empty()) return false;
        continue;
      }
      if (record == TERMINATE_RECORD_TYPE) {
        ended_ = true;
        return false;
      }
      if (record == EXTENSION_RECORD_TYPE) {
        if (!read_extension(frame)) return false;
      } else if (record == IMAGE_DESC_RECORD_TYPE) {
        if (DGifGetImageDesc(file_.get()) == GIF_ERROR) return false;
        const GifImageDesc& image = file_->Image;
        frame.x = image.Left;
        frame.y = image.Top;
        frame.width = image.Width;
        frame.height = image.Height;
        frame.interlaced = image.Interlace;
        return true;
      }
    }
  }

  void skip_pixels() {
    GifByteType* block = nullptr;
    while (DGifGetCodeNext(file_.get(), &block) != GIF_ERROR && block) {
    }
  }

 private:
  bool read_extension(Frame& frame) {
    int code = 0;
    GifByteType* block = nullptr;
    if (DGifGetExtension(file_.get(), &code, &block) == GIF_ERROR) return false;
    bool first = true;
    while (block) {
      GraphicsControlBlock control;
      if (code == GRAPHICS_EXT_FUNC_CODE && first && DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK) {
        if (control.DisposalMode != DISPOSAL_UNSPECIFIED) frame.disposal = control.DisposalMode;
        if (control.TransparentColor != NO_TRANSPARENT_COLOR) frame.transparent = control.TransparentColor;
      }
      first = false;
      if (DGifGetExtensionNext(file_.get(), &block) == GIF_ERROR) return false;
    }
    return true;
  }

  Bytes rest_;
  File file_;
  bool ended_ = false;
};

struct Survey {
  int64_t width = 0, height = 0, frames = 0;
};

// Frames after one that goes beyond the canvas make that larger, and LoadImage leaves out frames of another size than
// the first: they end the animation.
Survey survey(Bytes bytes, int64_t most_frames) {
  Walk walk(bytes);
  Survey out{walk.file()->SWidth, walk.file()->SHeight, 0};
  Frame frame;
  while (out.frames < most_frames && walk.next(frame)) {
    if (out.frames == 0) {
      out.width = std::max(out.width, frame.x + frame.width);
      out.height = std::max(out.height, frame.y + frame.height);
    } else if (frame.x + frame.width > out.width || frame.y + frame.height > out.height) {
      break;
    }
    ++out.frames;
    check_picture_size(static_cast<uint64_t>(out.width), static_cast<uint64_t>(out.height),
                       static_cast<uint64_t>(out.frames));
    walk.skip_pixels();
  }
  if (out.frames == 0) bad("it ends before its first frame");
  return out;
}

PictureHead read_head(Bytes bytes) {
  const Survey found = survey(bytes, kAllFrames);
  PictureHead head;
  head.width = found.width;
  head.height = found.height;
  head.frames = found.frames;
  return head;
}

// Colours that a file lacks are greys, as in PIL. Nothing for a palette that is just these: then PIL has no palette.
std::optional<Palette> palette_of(const ColorMapObject* map) {
  if (!map) return std::nullopt;
  Palette out;
  for (int i = 0; i < 256; ++i) {
    const auto grey = static_cast<uint8_t>(i);
    out[static_cast<size_t>(i)] = {grey, grey, grey, 255};
  }
  bool coloured = false;
  for (int i = 0; i < std::min(map->ColorCount, 256); ++i) {
    const GifColorType& c = map->Colors[i];
    coloured |= c.Red != i || c.Green != i || c.Blue != i;
    out[static_cast<size_t>(i)] = {c.Red, c.Green, c.Blue, 255};
  }
  if (!coloured) return std::nullopt;
  return out;
}

const Palette& greys() {
  static const Palette palette = [] {
    Palette out;
    for (size_t i = 0; i < 256; ++i)
      out[i] = {static_cast<uint8_t>(i), static_cast<uint8_t>(i), static_cast<uint8_t>(i), 255};
    return out;
  }();
  return palette;
}

// The canvas from frame to frame. The first frame is indices with a palette; from the second on, PIL works in colours,
// except that indices without a palette stay indices until a palette comes.
class Canvas {
 public:
  Canvas(int64_t width, int64_t height) : width_(width), height_(height) {}

  // Returns how many rows could be read; they are drawn.
  int64_t draw(Walk& walk, const Frame& frame) {
    if (frame.disposal != 0) disposal_ = frame.disposal;
    if (before_) put_back();
    const auto local = palette_of(walk.file()->Image.ColorMap);
    const bool has_local = walk.file()->Image.ColorMap != nullptr;
    const auto palette = has_local ? local : palette_of(walk.file()->SColorMap);
    if (frames_ > 0 && palette_ && !in_colours_) turn_into_colours();
    plan_disposal(walk, frame, palette);
    const int64_t rows = in_colours_ ? draw_colours(walk, frame, palette) : draw_indices(walk, frame, palette);
    ++frames_;
    return rows;
  }

  void append_to(Raster& out) const {
    const size_t pixels = static_cast<size_t>(width_ * height_), at = out.rgb.size() / 3;
    out.rgb.resize((at + pixels) * 3);
    out.alpha.resize((at + pixels));
    for (size_t i = 0; i < pixels; ++i) {
      const Colour colour = in_colours_ ? colours_[i] : colour_of(indices_[i]);
      std::copy_n(colour.data(), 3, out.rgb.data() + 3 * (at + i));
      out.alpha[at + i] = in_colours_ && !has_alpha_ ? 255 : colour[3];
    }
    // Without a palette the transparent colour is none for LoadImage.
    out.has_alpha_channel |= in_colours_ ? has_alpha_ : palette_ && transparent_;
  }

 private:
  struct Patch {
    Frame frame;
    bool in_colours = false;
    std::vector<uint8_t> indices;
    std::vector<Colour> colours;
  };

  Colour colour_of(uint8_t index) const {
    Colour out = (palette_ ? *palette_ : greys())[index];
    if (transparent_ == int{index}) out[3] = 0;
    return out;
  }

  void turn_into_colours() {
    colours_.resize(indices_.size());
    for (size_t i = 0; i < indices_.size(); ++i) colours_[i] = colour_of(indices_[i]);
    has_alpha_ = transparent_.has_value();
    transparent_.reset();
    indices_ = {};
    in_colours_ = true;
  }

  template <class Pixel, class Function>
  void each_row(const Frame& frame, std::vector<Pixel>& pixels, const Function& function) const {
    for (int64_t y = 0; y < frame.height; ++y)
      function(pixels.data() + (frame.y + y) * width_ + frame.x, static_cast<size_t>(y * frame.width));
  }

  void put_back() {
    const auto width = static_cast<size_t>(before_->frame.width);
    // What was kept as indices is put back before they become colours.
    if (before_->in_colours)
      each_row(before_->frame, colours_,
               [&](Colour* row, size_t at) { std::copy_n(before_->colours.data() + at, width, row); });
    else if (!in_colours_)
      each_row(before_->frame, indices_,
               [&](uint8_t* row, size_t at) { std::copy_n(before_->indices.data() + at, width, row); });
    before_.reset();
  }

  // What will lie there when the frame after this one comes.
  void plan_disposal(Walk& walk, const Frame& frame, const std::optional<Palette>& palette) {
    if (disposal_ < DISPOSE_BACKGROUND) return;
    const auto pixels = static_cast<size_t>(frame.width * frame.height), width = static_cast<size_t>(frame.width);
    Patch patch{frame, in_colours_, {}, {}};
    if (disposal_ == DISPOSE_BACKGROUND) {
      // PIL takes the transparent colour, and only without one the background's.
      const std::optional<int> clear = transparent_ ? transparent_ : frame.transparent;
      const int background = walk.file()->SColorMap ? walk.file()->SBackGroundColor : 0;
      const auto index = static_cast<uint8_t>(clear.value_or(background));
      if (in_colours_) {
        Colour colour = (palette ? *palette : greys())[index];
        colour[3] = clear ? 0 : 255;
        patch.colours.assign(pixels, colour);
      } else {
        patch.indices.assign(pixels, index);
      }
    } else if (frames_ == 0) {
      if (!frame.transparent) return;
      patch.indices.assign(pixels, static_cast<uint8_t>(*frame.transparent));
    } else if (in_colours_) {
      each_row(frame, colours_,
               [&](Colour* row, size_t) { patch.colours.insert(patch.colours.end(), row, row + width); });
    } else {
      each_row(frame, indices_,
               [&](uint8_t* row, size_t) { patch.indices.insert(patch.indices.end(), row, row + width); });
    }
    before_ = std::move(patch);
  }

  // The frame's indices into `pixels`; what is missing stays as it is there.
  static int64_t read_rows(Walk& walk, const Frame& frame, std::vector<uint8_t>& pixels) {
    constexpr std::array<std::array<int64_t, 2>, 4> kPasses{{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};
    constexpr std::array<std::array<int64_t, 2>, 1> kOnePass{{{0, 1}}};
    const std::span<const std::array<int64_t, 2>> passes =
        frame.interlaced ? std::span<const std::array<int64_t, 2>>(kPasses) : kOnePass;
    int64_t rows = 0;
    for (const auto& [start, step] : passes)
      for (int64_t y = start; y < frame.height; y += step) {
        poll_cancelled();
        if (DGifGetLine(walk.file(), pixels.data() + y * frame.width, static_cast<int>(frame.width)) == GIF_ERROR) {
          walk.skip_pixels();
          return rows;
        }
        ++rows;
      }
    return rows;
  }

  int64_t draw_indices(Walk& walk, const Frame& frame, const std::optional<Palette>& palette) {
    if (frames_ == 0) {
      indices_.assign(static_cast<size_t>(width_ * height_), static_cast<uint8_t>(frame.transparent.value_or(0)));
      transparent_ = frame.transparent;
    }
    const auto width = static_cast<size_t>(frame.width);
    std::vector<uint8_t> pixels;
    each_row(frame, indices_, [&](uint8_t* row, size_t) { pixels.insert(pixels.end(), row, row + width); });
    std::vector<uint8_t> before;
    if (frames_ > 0) before = pixels;
    const int64_t rows = read_rows(walk, frame, pixels);
    if (frames_ > 0 && frame.transparent)
      for (size_t i = 0; i < pixels.size(); ++i)
        if (pixels[i] == *frame.transparent) pixels[i] = before[i];
    each_row(frame, indices_, [&](uint8_t* row, size_t at) { std::copy_n(pixels.data() + at, width, row); });
    palette_ = palette;
    return rows;
  }

  int64_t draw_colours(Walk& walk, const Frame& frame, const std::optional<Palette>& palette) {
    std::vector<uint8_t> pixels(static_cast<size_t>(frame.width * frame.height),
                                static_cast<uint8_t>(palette ? frame.transparent.value_or(0) : 0));
    const int64_t rows = read_rows(walk, frame, pixels);
    const Palette& table = palette ? *palette : greys();
    each_row(frame, colours_, [&](Colour* row, size_t at) {
      for (size_t x = 0; x < static_cast<size_t>(frame.width); ++x)
        if (frame.transparent != int{pixels[at + x]}) row[x] = table[pixels[at + x]];
    });
    return rows;
  }

  int64_t width_, height_, frames_ = 0;
  std::vector<uint8_t> indices_;
  std::optional<Palette> palette_;
  std::optional<int> transparent_;  // among the indices
  std::vector<Colour> colours_;
  bool in_colours_ = false, has_alpha_ = false;
  int disposal_ = 0;
  std::optional<Patch> before_;  // what is put there before the next frame
};

Raster decode(Bytes bytes, int64_t most_frames) {
  const Survey found = survey(bytes, most_frames);
  Walk walk(bytes);
  Canvas canvas(found.width, found.height);
  Raster out;
  out.width = found.width;
  out.height = found.height;
  out.frames = 0;
  Frame frame;
  while (out.frames < found.frames && walk.next(frame)) {
    const int64_t rows = canvas.draw(walk, frame);
    if (rows == 0 && frame.height > 0 && out.frames == 0) bad("it has no pixels that could be read");
    canvas.append_to(out);
    ++out.frames;
    if (rows < frame.height && out.warning.empty())
      out.warning = "it ends too early or is damaged: in frame " + std::to_string(out.frames) + ", " +
                    std::to_string(frame.height - rows) + " of " + std::to_string(frame.height) + " rows are missing";
  }
  if (std::all_of(out.alpha.begin(), out.alpha.end(), [](uint8_t a) { return a == 255; }) && !out.has_alpha_channel)
    out.alpha.clear();
  if (out.frames == found.frames && most_frames > found.frames && out.warning.empty() && !walk.next(frame) &&
      !walk.ended())
    out.warning = "it ends without its end mark";
  return out;
}

}  // namespace

PictureDecoder gif_decoder() { return {.head = read_head, .decode = decode}; }

}  // namespace easel::formats
