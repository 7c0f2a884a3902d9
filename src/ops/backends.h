// The backends there are. Each is a folder of its name; ops/absent/NAME.cc stands in for one that is not built.
#pragma once

#include "ops/backend.h"

namespace easel::ops {

namespace cpu {
const Backend& backend();
}

namespace reference {
const Backend& backend();
}

namespace vulkan {
int device_count();
// Throws Error(kUnsupported) unless 0 <= index < device_count().
const Backend& backend(int index);
}  // namespace vulkan

}  // namespace easel::ops
