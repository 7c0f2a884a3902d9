#include "formats/pictures/decoders.h"

namespace easel::formats {

PictureDecoder gif_decoder() { return {.lacks = "libgif-dev"}; }

}  // namespace easel::formats
