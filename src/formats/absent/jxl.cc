#include "formats/pictures/decoders.h"

namespace easel::formats {

PictureDecoder jxl_decoder() { return {.lacks = "libjxl-dev"}; }

}  // namespace easel::formats
