#include "formats/pictures/decoders.h"

namespace easel::formats {

PictureDecoder tiff_decoder() { return {.lacks = "libtiff-dev"}; }

}  // namespace easel::formats
