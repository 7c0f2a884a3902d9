// The reference backend's memory: host memory in a separate pool, marked as belonging to another device. Code outside
// of the backend that reads or writes such a tensor fails as it would for a device with separate memory.
#pragma once

#include "tensor/host_memory.h"

namespace easel::ops::reference {

inline constexpr Device kDevice{DeviceKind::kReference, 0};

PooledMemory& memory();

}  // namespace easel::ops::reference
