// Pictures of every format, told by their content: what is written in them, and their pixels.
#include "formats/pictures/picture.h"

#include "fuzz/fuzz.h"

namespace easel::fuzz {
namespace {

void read(Bytes bytes) {
  const formats::PictureInfo info = formats::inspect_picture(bytes);
  if (info.width * info.height > (int64_t{1} << 20)) return;  // allowed, and slow under a fuzzer
  const formats::Picture picture = formats::decode_picture(bytes);
  require(picture.format == info.format && picture.width == info.width && picture.height == info.height);
  require(picture.rgb.rank() == 4 && picture.rgb.dim(1) == info.height && picture.rgb.dim(2) == info.width);
}

}  // namespace
}  // namespace easel::fuzz

EASEL_FUZZ(easel::fuzz::read)
