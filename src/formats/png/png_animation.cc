// Animated PNG: https://wiki.mozilla.org/APNG_Specification
#include <array>

#include "base/error.h"
#include "formats/pictures/animation.h"
#include "formats/pictures/bitmap.h"
#include "formats/pictures/raster.h"
#include "formats/png/png_chunks.h"

namespace easel::formats {
namespace {

void append_chunk(std::string& out, std::string_view type, std::string_view data) {
  append_png_chunk(out, type, {reinterpret_cast<const uint8_t*>(data.data()), data.size()});
}

// A whole frame in place of the one before.
std::string frame_control(uint32_t sequence, const Bitmap& frame, int frame_ms) {
  std::string out;
  append_png_number(out, sequence);
  append_png_number(out, static_cast<uint32_t>(frame.width));
  append_png_number(out, static_cast<uint32_t>(frame.height));
  append_png_number(out, 0);  // x
  append_png_number(out, 0);  // y
  append_png_number(out, static_cast<uint32_t>(frame_ms), 2);
  append_png_number(out, 1000, 2);
  out += '\0';  // nothing is done to it before the next
  out += '\0';  // it replaces what was there
  return out;
}

}  // namespace

std::string encode_animated_png(const Tensor& images, const TextChunks& text, int frame_ms, int compression) {
  require_batch(images);
  if (frame_ms < 0 || frame_ms > 65535)
    throw Error(Fault::kInvalid, "a frame of " + std::to_string(frame_ms) + " ms: PNG shows one for 65535 at most");
  std::string out = "\x89PNG\r\n\x1a\n";
  uint32_t sequence = 0;
  for (int64_t n = 0; n < images.dim(0); ++n) {
    const Bitmap frame = to_bitmap(images.slice(0, n, 1));
    const std::string png = encode_png(frame.data, frame.width, frame.height, frame.channels, {}, compression);
    PngChunks chunks({reinterpret_cast<const uint8_t*>(png.data()), png.size()});
    PngChunk chunk;
    bool begun = false;
    while (chunks.next(chunk)) {
      const std::string_view data(reinterpret_cast<const char*>(chunk.data.data()), chunk.data.size());
      if (chunk.type == "IHDR" && n == 0) {
        append_chunk(out, "IHDR", data);
        std::string control;
        append_png_number(control, static_cast<uint32_t>(images.dim(0)));
        append_png_number(control, 0);  // for ever
        append_chunk(out, "acTL", control);
      }
      if (chunk.type != "IDAT") continue;
      if (!begun) append_chunk(out, "fcTL", frame_control(sequence++, frame, frame_ms));
      begun = true;
      if (n == 0) {
        append_chunk(out, "IDAT", data);
        continue;
      }
      std::string numbered;
      append_png_number(numbered, sequence++);
      append_chunk(out, "fdAT", numbered.append(data));
    }
    if (n == 0)
      for (const auto& [name, content] : text) append_chunk(out, "comf", name + '\0' + content);
  }
  append_chunk(out, "IEND", {});
  return out;
}

}  // namespace easel::formats
