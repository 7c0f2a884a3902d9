// Previews as they are sent to clients.
#pragma once

#include <string>

#include "engine/events.h"

namespace easel::server {

// A JPEG of the picture, enlarged smoothly to 256 pixels on its longer side when it is smaller: a latent has one
// pixel for 8 x 8 of the final picture. Throws Error(kInternal) when the picture's size and pixels disagree.
std::string preview_jpeg(const engine::Preview& picture);

}  // namespace easel::server
