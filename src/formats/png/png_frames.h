// The frames of a PNG file, animated or not: https://wiki.mozilla.org/APNG_Specification
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "formats/png/png_chunks.h"

namespace easel::formats {

enum class PngDispose : uint8_t { kNone, kBackground, kPrevious };

struct PngFrame {
  uint32_t x = 0, y = 0, width = 0, height = 0;
  PngDispose dispose = PngDispose::kNone;
  bool blend = false;  // over what is there, in place of putting it there
  std::string file;    // as a PNG file of its own, without an end
};

// What a walk over a file's chunks finds.
struct PngSurvey {
  uint32_t width = 0, height = 0;
  int64_t frames = 1;
  bool animated = false;
  bool ends = false;                 // its end mark is there
  bool sound = true;                 // all checksums fit
  std::optional<size_t> cut_pixels;  // where the chunk of pixels begins within which the file ends
};

// Throws Error(kBadFile) where the header, or the palette, is missing or damaged.
PngSurvey survey_png(std::span<const uint8_t> file);

// The frames of an animation, one by one. A picture that is not one of the animation's frames but stands before it
// counts as the first, as in PIL.
class PngFrames {
 public:
  // Without `keep`, frames come without their file.
  PngFrames(std::span<const uint8_t> file, bool keep);
  // False at the end, and where the frames are no longer in order.
  bool next(PngFrame& frame);
  bool starts_with_still() const { return starts_with_still_; }

 private:
  bool take_control(const PngChunk& chunk);
  void take_pixels(std::span<const uint8_t> data);
  bool give(PngFrame& frame);

  PngChunks chunks_;
  bool keep_, starts_with_still_ = false, over_ = false;
  uint32_t width_ = 0, height_ = 0, sequence_ = 0;
  std::string header_;   // of the file: IHDR's data
  std::string palette_;  // chunks that each frame needs
  std::optional<PngFrame> now_, then_;
  bool any_pixels_ = false;
};

}  // namespace easel::formats
