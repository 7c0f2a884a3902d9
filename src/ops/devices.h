// The available devices, and the one that models are built for.
#pragma once

#include <string_view>
#include <vector>

#include "tensor/device.h"

namespace easel::ops {

// All available devices, the processor first.
std::vector<Device> devices();

// The device with the name "cpu", "reference", "vulkan" or "vulkan:N". Throws Error(kUsage) for other names.
Device parse_device(std::string_view name);

// The device that models are built for: the last one set, else the one named by the environment variable EASEL_BACKEND,
// else the processor. Models built earlier keep theirs. The first call throws what parse_device() and backend() throw.
Device compute_device();
void set_compute_device(Device device);

}  // namespace easel::ops
