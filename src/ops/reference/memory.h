// The reference backend's memory: the host's, but in a pool of its own and marked as its own, so that whatever reads or
// writes a tensor outside of the backend fails as it would on a device with real memory of its own.
#pragma once

#include "tensor/host_memory.h"

namespace easel::ops::reference {

inline constexpr Device kDevice{DeviceKind::kReference, 0};

PooledMemory& memory();

}  // namespace easel::ops::reference
