// The few EXIF data that Easel uses.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/pictures/raster.h"

namespace easel::formats {

// Reads a TIFF structure (with or without the "Exif" prefix). Sets `head.orientation`, and adds to
// `head.text` what tools leave in texts: "UserComment", and each text of the form "name:content" in the
// main directory, as ComfyUI's WebP files carry their "prompt:{...}" and "workflow:{...}".
// Damaged data are ignored, as in viewers: the picture is usable without them.
void read_exif(std::span<const uint8_t> data, PictureHead& head);

// A TIFF structure whose main directory has the texts as "name:content", at most 16 of them: the first as the camera's
// model, the others as what stands before its maker, as ComfyUI's SaveAnimatedWEBP writes them.
std::string exif_of(const std::vector<std::pair<std::string, std::string>>& text);

// Takes the orientation from XMP data, as PIL does where EXIF has none.
void read_xmp(std::string_view xmp, PictureHead& head);

}  // namespace easel::formats
