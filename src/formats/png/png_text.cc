// What a PNG file says besides its pixels.
#include <cstring>

#include "formats/pictures/exif.h"
#include "formats/png/png.h"
#include "formats/png/png_chunks.h"
#include "formats/png/png_frames.h"
#include "formats/png/png_reader.h"
#include "formats/utf8.h"

namespace easel::formats {
namespace {

using Bytes = std::span<const uint8_t>;

constexpr int kMostPackedTexts = 8;  // that are inflated at all

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

void read_text(PngReader& reader, PictureHead& head) {
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

// Whether a chunk is a text that must be inflated: every zTXt, and an iTXt whose compression flag is set.
bool is_packed_text(std::string_view type, std::string_view data) {
  const size_t name = data.find('\0');
  return type == "zTXt" || (type == "iTXt" && name != std::string_view::npos && data.substr(name + 1, 1) == "\1");
}

// Leaves out the pixels, which are not inflated, because text may follow them.
std::string without_pixels(Bytes bytes) {
  std::string out(reinterpret_cast<const char*>(bytes.data()), 8);
  int packed = 0;
  PngChunks chunks(bytes);
  PngChunk chunk;
  while (chunks.next(chunk) && chunk.whole && chunk.type != "IEND") {
    const std::string_view data(reinterpret_cast<const char*>(chunk.data.data()), chunk.data.size());
    const bool bomb = is_packed_text(chunk.type, data) && ++packed > kMostPackedTexts;
    // ComfyUI's own kind of text, behind the first frame's pixels.
    if (chunk.type == "comf") {
      append_png_chunk(out, "tEXt", chunk.data);
      continue;
    }
    const bool pixels = chunk.type == "IDAT" || chunk.type == "fdAT" || chunk.type == "fcTL" || chunk.type == "acTL";
    if (!pixels && !bomb) out.append(reinterpret_cast<const char*>(chunk.all.data()), chunk.all.size());
  }
  // libpng reads up to the first IDAT; an empty one marks the end.
  append_png_chunk(out, "IDAT", {});
  return out;
}

}  // namespace

PictureHead read_png_head(Bytes bytes) {
  const PngSurvey survey = survey_png(bytes);
  PictureHead head;
  head.width = survey.width;
  head.height = survey.height;
  head.frames = survey.frames;
  const std::string shortened = without_pixels(bytes);
  PngReader reader({reinterpret_cast<const uint8_t*>(shortened.data()), shortened.size()}, PngWanted::kText);
  read_text(reader, head);
  png_bytep exif = nullptr;
  png_uint_32 length = 0;
  if (png_get_eXIf_1(reader.png(), reader.info(), &length, &exif) && exif) read_exif({exif, length}, head);
  if (const auto xmp = head.text.find("XML:com.adobe.xmp"); xmp != head.text.end()) read_xmp(xmp->second, head);
  return head;
}

}  // namespace easel::formats
