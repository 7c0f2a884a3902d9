// One decoder for each picture format. A build may lack some: src/formats/absent/ stands in for them.
#pragma once

#include <cstdint>
#include <span>

#include "formats/pictures/picture_format.h"
#include "formats/pictures/raster.h"

namespace easel::formats {

struct PictureDecoder {
  // Both throw Error(kBadFile) for what cannot be read, and check the size before anything of it is allocated.
  PictureHead (*head)(std::span<const uint8_t>) = nullptr;
  // At most `most_frames` frames, all of the size of the first. What ends too early is read as far as it goes, with a
  // warning in the raster.
  Raster (*decode)(std::span<const uint8_t>, int64_t most_frames) = nullptr;
  // The Debian package that this build was made without; then it has no functions.
  const char* lacks = nullptr;
};

PictureDecoder png_decoder();
PictureDecoder jpeg_decoder();
PictureDecoder webp_decoder();
PictureDecoder gif_decoder();
PictureDecoder bmp_decoder();
PictureDecoder tiff_decoder();
PictureDecoder avif_decoder();
PictureDecoder heic_decoder();
PictureDecoder jxl_decoder();

PictureDecoder decoder_of(PictureFormat format);

}  // namespace easel::formats
