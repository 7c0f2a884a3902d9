#include "formats/png/png_frames.h"

#include <utility>

#include "formats/pictures/raster.h"
#include "formats/png/png_reader.h"

namespace easel::formats {
namespace {

constexpr size_t kHeader = 13;  // bytes of IHDR

std::string_view text_of(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// How many frames there are beside those that only the file's own count claims.
int64_t count_frames(std::span<const uint8_t> file, uint32_t claimed) {
  PngFrames frames(file, /*keep=*/false);
  PngFrame frame;
  int64_t count = 0;
  while (count < int64_t{claimed} + (frames.starts_with_still() ? 1 : 0) && frames.next(frame)) ++count;
  return count;
}

}  // namespace

PngSurvey survey_png(std::span<const uint8_t> file) {
  PngSurvey out;
  PngChunks chunks(file);
  PngChunk chunk;
  bool first = true, pixels = false;
  uint32_t claimed = 0;
  int controls = 0;
  while (!out.ends && chunks.next(chunk)) {
    out.sound &= chunk.sound;
    if (std::exchange(first, false)) {
      if (chunk.type != "IHDR" || chunk.data.size() < kHeader || !chunk.whole) bad_png("it has no header");
      if (!chunk.sound) bad_png("the checksum of its header is wrong");
      out.width = png_number(chunk.data, 0);
      out.height = png_number(chunk.data, 4);
      if (out.width == 0 || out.height == 0) bad_png("it has no pixels");
    } else if (chunk.type == "PLTE" && chunk.whole && !chunk.sound) {
      bad_png("the checksum of its palette is wrong");
    } else if (chunk.type == "acTL" && !pixels && chunk.data.size() >= 8) {
      claimed = png_number(chunk.data, 0);
      ++controls;
    }
    if (chunk.type == "IDAT" || chunk.type == "fdAT") {
      if (chunk.type == "IDAT" && !chunk.whole) out.cut_pixels = static_cast<size_t>(chunk.all.data() - file.data());
      pixels = true;
    }
    out.ends = chunk.type == "IEND";
  }
  if (first) bad_png("it has no header");
  if (controls == 1 && claimed > 0 && claimed <= 0x80000000) {
    out.frames = count_frames(file, claimed);
    out.animated = out.frames > 1;
  }
  if (!out.animated) out.frames = 1;
  check_picture_size(out.width, out.height, static_cast<uint64_t>(out.frames));
  return out;
}

PngFrames::PngFrames(std::span<const uint8_t> file, bool keep) : chunks_(file), keep_(keep) {
  // Up to the first pixels, so that it is known whether they belong to the animation.
  PngChunk chunk;
  while (!over_ && !any_pixels_ && chunks_.next(chunk)) {
    if (chunk.type == "IHDR" && header_.empty()) {
      header_ = text_of(chunk.data);
      width_ = png_number(chunk.data, 0);
      height_ = png_number(chunk.data, 4);
    } else if (chunk.type == "PLTE" || chunk.type == "tRNS") {
      append_png_chunk(palette_, chunk.type, chunk.data);
    } else if (chunk.type == "fcTL") {
      over_ = !take_control(chunk);
    } else if (chunk.type == "IDAT") {
      if (!then_) {
        starts_with_still_ = true;
        then_.emplace();
        then_->width = width_;
        then_->height = height_;
      }
      now_ = std::exchange(then_, std::nullopt);
      take_pixels(chunk.data);
    }
  }
}

bool PngFrames::take_control(const PngChunk& chunk) {
  if (chunk.data.size() < 26 || png_number(chunk.data, 0) != sequence_) return false;
  ++sequence_;
  PngFrame frame;
  frame.width = png_number(chunk.data, 4);
  frame.height = png_number(chunk.data, 8);
  frame.x = png_number(chunk.data, 12);
  frame.y = png_number(chunk.data, 16);
  if (frame.width == 0 || frame.height == 0 || uint64_t{frame.x} + frame.width > width_ ||
      uint64_t{frame.y} + frame.height > height_ || chunk.data[24] > 2)
    return false;
  frame.dispose = static_cast<PngDispose>(chunk.data[24]);
  frame.blend = chunk.data[25] == 1;
  then_ = frame;
  return true;
}

void PngFrames::take_pixels(std::span<const uint8_t> data) {
  any_pixels_ = true;
  if (!keep_) return;
  if (now_->file.empty()) {
    now_->file = "\x89PNG\r\n\x1a\n";
    std::string header = header_;
    for (size_t i = 0; i < 4; ++i) {
      header[i] = static_cast<char>(now_->width >> (24 - 8 * i));
      header[4 + i] = static_cast<char>(now_->height >> (24 - 8 * i));
    }
    append_png_chunk(now_->file, "IHDR", {reinterpret_cast<const uint8_t*>(header.data()), header.size()});
    now_->file += palette_;
  }
  append_png_chunk(now_->file, "IDAT", data);
}

bool PngFrames::give(PngFrame& frame) {
  if (!now_ || !any_pixels_) return false;
  frame = *std::exchange(now_, std::nullopt);
  any_pixels_ = false;
  return true;
}

bool PngFrames::next(PngFrame& frame) {
  PngChunk chunk;
  while (!over_ && chunks_.next(chunk) && chunk.type != "IEND") {
    if (chunk.type == "fcTL") {
      const bool good = !then_ && take_control(chunk);
      over_ = !good;
      if (give(frame)) return true;
    } else if (chunk.type == "IDAT" && now_ && !then_) {
      take_pixels(chunk.data);
    } else if (chunk.type == "fdAT") {
      if (chunk.data.size() < 4 || png_number(chunk.data, 0) != sequence_) break;
      ++sequence_;
      if (then_) now_ = std::exchange(then_, std::nullopt);
      if (now_) take_pixels(chunk.data.subspan(4));
    }
  }
  over_ = true;
  return give(frame);
}

}  // namespace easel::formats
