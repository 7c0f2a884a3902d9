// The reference's pictures, decoded.
#pragma once

#include <string>

#include "formats/pictures/picture.h"
#include "support/golden.h"

namespace easel::testing {

// ../shared/input/<name> as f32 [1,H,W,3] in 0..1. Only after EASEL_NEEDS_SHARED().
inline Tensor reference_picture(const std::string& name) {
  return formats::load_picture(shared_dir() / "input" / name).rgb;
}

}  // namespace easel::testing
