// The devices there are, and the one that models are built for.
#pragma once

#include <string_view>
#include <vector>

#include "tensor/device.h"

namespace easel::ops {

// Every device there is, the processor first.
std::vector<Device> devices();

// The device of a name: "cpu", "reference", "vulkan", "vulkan:1". Throws Error(kUsage) for others.
Device parse_device(std::string_view name);

// Where models compute: what the environment variable EASEL_BACKEND names, else the processor; or what was set since,
// for models that are built from now on. The first call throws what parse_device() and backend() throw.
Device compute_device();
void set_compute_device(Device device);

}  // namespace easel::ops
