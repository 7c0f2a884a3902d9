// Memory for packed weights. It is mapped directly, so that it returns to the system as soon as a model is dropped.
#pragma once

#include "tensor/storage.h"

namespace easel::ops::cpu {

// Zeroed memory, at least 64-byte aligned, in huge pages if large. A page is allocated on the NUMA node of the thread
// that first writes to it. Throws Error(kMemory).
StorageRef allocate_weights(size_t bytes);

// Bytes that all packed weights hold at present.
size_t weight_bytes();

}  // namespace easel::ops::cpu
