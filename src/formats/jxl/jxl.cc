// JPEG XL pictures and animations.
#include <jxl/decode.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "base/cancel.h"
#include "base/error.h"
#include "formats/pictures/decoders.h"
#include "formats/pictures/exif.h"
#include "formats/pictures/shared_library.h"

namespace easel::formats {
namespace {

using Bytes = std::span<const uint8_t>;

SharedLibrary kLibjxl(EASEL_SONAME_JXL, "JPEG XL");
EASEL_LIBRARY_FUNCTION(kLibjxl, JxlDecoderCreate);
EASEL_LIBRARY_FUNCTION(kLibjxl, JxlDecoderDestroy);
EASEL_LIBRARY_FUNCTION(kLibjxl, JxlDecoderFlushImage);
EASEL_LIBRARY_FUNCTION(kLibjxl, JxlDecoderGetBasicInfo);
EASEL_LIBRARY_FUNCTION(kLibjxl, JxlDecoderGetBoxType);
EASEL_LIBRARY_FUNCTION(kLibjxl, JxlDecoderImageOutBufferSize);
EASEL_LIBRARY_FUNCTION(kLibjxl, JxlDecoderProcessInput);
EASEL_LIBRARY_FUNCTION(kLibjxl, JxlDecoderReleaseBoxBuffer);
EASEL_LIBRARY_FUNCTION(kLibjxl, JxlDecoderSetBoxBuffer);
EASEL_LIBRARY_FUNCTION(kLibjxl, JxlDecoderSetDecompressBoxes);
EASEL_LIBRARY_FUNCTION(kLibjxl, JxlDecoderSetImageOutBuffer);
EASEL_LIBRARY_FUNCTION(kLibjxl, JxlDecoderSetInput);
EASEL_LIBRARY_FUNCTION(kLibjxl, JxlDecoderSetUnpremultiplyAlpha);
EASEL_LIBRARY_FUNCTION(kLibjxl, JxlDecoderSubscribeEvents);

constexpr size_t kMostExif = size_t{64} << 20;

[[noreturn]] void bad(const std::string& message) {
  throw Error(Fault::kBadFile, "damaged JPEG XL picture: " + message);
}

struct Destroyer {
  void operator()(JxlDecoder* decoder) const { JxlDecoderDestroy(decoder); }
};

class Reader {
 public:
  Reader(Bytes bytes, int events) {
    kLibjxl.open();
    decoder_.reset(JxlDecoderCreate(nullptr));
    if (!decoder_) throw Error(Fault::kMemory, "out of memory for the JPEG XL decoder");
    JxlDecoderSetUnpremultiplyAlpha(decoder_.get(), JXL_TRUE);
    if (JxlDecoderSubscribeEvents(decoder_.get(), events) != JXL_DEC_SUCCESS ||
        JxlDecoderSetInput(decoder_.get(), bytes.data(), bytes.size()) != JXL_DEC_SUCCESS)
      throw Error(Fault::kInternal, "cannot set up the JPEG XL decoder");
  }
  JxlDecoder* get() const { return decoder_.get(); }
  JxlDecoderStatus next() { return JxlDecoderProcessInput(decoder_.get()); }

  // Upright, as the decoder turns it.
  JxlBasicInfo info(int64_t frames) const {
    JxlBasicInfo info;
    if (JxlDecoderGetBasicInfo(decoder_.get(), &info) != JXL_DEC_SUCCESS) bad("it has no header");
    check_picture_size(info.xsize, info.ysize, static_cast<uint64_t>(frames));
    return info;
  }

 private:
  std::unique_ptr<JxlDecoder, Destroyer> decoder_;
};

// EXIF lies in a box of its own, after four bytes.
void read_texts(Bytes bytes, PictureHead& head) {
  Reader reader(bytes, JXL_DEC_BOX);
  JxlDecoderSetDecompressBoxes(reader.get(), JXL_TRUE);
  std::vector<uint8_t> data;
  bool within = false;
  for (;;) {
    const JxlDecoderStatus status = reader.next();
    if (within && status == JXL_DEC_BOX_NEED_MORE_OUTPUT && data.size() < kMostExif) {
      const size_t left = JxlDecoderReleaseBoxBuffer(reader.get()), used = data.size() - left;
      data.resize(data.size() * 2);
      JxlDecoderSetBoxBuffer(reader.get(), data.data() + used, data.size() - used);
      continue;
    }
    if (within) {
      data.resize(data.size() - JxlDecoderReleaseBoxBuffer(reader.get()));
      if (data.size() > 4) read_exif(Bytes(data).subspan(4), head);
      return;
    }
    if (status != JXL_DEC_BOX) return;
    JxlBoxType type;
    if (JxlDecoderGetBoxType(reader.get(), type, JXL_TRUE) != JXL_DEC_SUCCESS) return;
    if (std::memcmp(type, "Exif", 4) != 0) continue;
    within = true;
    data.resize(4096);
    JxlDecoderSetBoxBuffer(reader.get(), data.data(), data.size());
  }
}

PictureHead read_head(Bytes bytes) {
  Reader reader(bytes, JXL_DEC_BASIC_INFO | JXL_DEC_FRAME);
  PictureHead head;
  head.frames = 0;
  for (;;) {
    const JxlDecoderStatus status = reader.next();
    if (status == JXL_DEC_BASIC_INFO) {
      const JxlBasicInfo info = reader.info(1);
      head.width = info.xsize;
      head.height = info.ysize;
    } else if (status == JXL_DEC_FRAME && head.width > 0) {
      ++head.frames;
      reader.info(head.frames);  // checks how many there are
    } else {
      break;
    }
  }
  if (head.width == 0) bad("its header is malformed or ends too early");
  head.frames = std::max<int64_t>(1, head.frames);
  read_texts(bytes, head);
  head.orientation = 1;  // the decoder applies the file's own, and EXIF's does not count
  return head;
}

class FrameReader {
 public:
  FrameReader(Bytes bytes, int64_t most_frames)
      : reader_(bytes, JXL_DEC_BASIC_INFO | JXL_DEC_FRAME | JXL_DEC_FULL_IMAGE), most_frames_(most_frames) {
    out_.frames = 0;
  }

  Raster read() {
    while (out_.frames < most_frames_) {
      switch (reader_.next()) {
        case JXL_DEC_BASIC_INFO: begin(); break;
        case JXL_DEC_FRAME: break;
        case JXL_DEC_NEED_IMAGE_OUT_BUFFER: offer(); break;
        case JXL_DEC_FULL_IMAGE: take(); break;
        case JXL_DEC_SUCCESS: return finish("");
        case JXL_DEC_NEED_MORE_INPUT: return finish("it ends too early");
        default: return finish("it is damaged");
      }
    }
    return finish("");
  }

 private:
  void begin() {
    const JxlBasicInfo info = reader_.info(1);
    out_.width = info.xsize;
    out_.height = info.ysize;
    out_.has_alpha_channel = info.alpha_bits > 0;
    format_ = {out_.has_alpha_channel ? 4u : 3u, JXL_TYPE_UINT8, JXL_NATIVE_ENDIAN, 0};
  }
  void offer() {
    poll_cancelled();
    reader_.info(out_.frames + 1);
    size_t bytes = 0;
    if (JxlDecoderImageOutBufferSize(reader_.get(), &format_, &bytes) != JXL_DEC_SUCCESS ||
        bytes != static_cast<size_t>(out_.width * out_.height) * format_.num_channels)
      bad("its frames have no possible size");
    frame_.assign(bytes, 0);
    if (JxlDecoderSetImageOutBuffer(reader_.get(), &format_, frame_.data(), bytes) != JXL_DEC_SUCCESS)
      bad("its frames cannot be read");
  }
  void take() {
    const size_t pixels = frame_.size() / format_.num_channels, at = out_.rgb.size() / 3;
    if (!out_.has_alpha_channel) {
      out_.rgb.insert(out_.rgb.end(), frame_.begin(), frame_.end());
    } else {
      out_.rgb.resize((at + pixels) * 3);
      out_.alpha.resize(at + pixels);
      for (size_t i = 0; i < pixels; ++i) {
        std::memcpy(out_.rgb.data() + 3 * (at + i), frame_.data() + 4 * i, 3);
        out_.alpha[at + i] = frame_[4 * i + 3];
      }
    }
    frame_.clear();
    ++out_.frames;
  }
  // What there is of a frame that was begun counts, if the decoder can show any of it.
  Raster finish(const std::string& warning) {
    if (!warning.empty() && !frame_.empty() && JxlDecoderFlushImage(reader_.get()) == JXL_DEC_SUCCESS) take();
    if (out_.frames == 0) bad(warning.empty() ? "it has no frame" : warning + ", and nothing of it can be shown");
    out_.warning = warning;
    return std::move(out_);
  }

  Reader reader_;
  int64_t most_frames_;
  Raster out_;
  JxlPixelFormat format_{};
  std::vector<uint8_t> frame_;
};

Raster decode(Bytes bytes, int64_t most_frames) { return FrameReader(bytes, most_frames).read(); }

}  // namespace

PictureDecoder jxl_decoder() { return {.head = read_head, .decode = decode}; }

}  // namespace easel::formats
