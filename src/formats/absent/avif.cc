#include "formats/pictures/decoders.h"

namespace easel::formats {

PictureDecoder avif_decoder() { return {.lacks = "libavif-dev"}; }

}  // namespace easel::formats
