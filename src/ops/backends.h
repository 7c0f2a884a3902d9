// The backends. Each is a folder of that name; ops/absent/NAME.cc stands in for a backend that is not built.
#pragma once

#include <string>
#include <vector>

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

// What `--device auto` stands for: the name of the discrete graphics card with the most free memory, if that is 4 GiB
// or more, else the processor's.
std::string choose_among(const std::vector<DeviceFacts>& devices);

}  // namespace easel::ops
