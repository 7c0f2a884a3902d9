#include "formats/pictures/decoders.h"

namespace easel::formats {

PictureDecoder heic_decoder() { return {.lacks = "libheif-dev"}; }

}  // namespace easel::formats
