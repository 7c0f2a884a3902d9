// What `--device auto` stands for.
#pragma once

#include <string>
#include <vector>

#include "ops/devices.h"

namespace easel::ops {

// The name of the discrete graphics card with the most free memory, if that is 4 GiB or more, else the processor's.
std::string choose_among(const std::vector<DeviceFacts>& devices);

}  // namespace easel::ops
