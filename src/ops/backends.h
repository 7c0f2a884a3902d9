// The backends. Each is a folder of that name; ops/absent/NAME.cc stands in for a backend that is not built.
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
std::vector<DeviceFacts> facts();
NoCard no_card();
// Throws Error(kUnsupported) unless 0 <= index < device_count().
const Backend& backend(int index);
}  // namespace vulkan

}  // namespace easel::ops
