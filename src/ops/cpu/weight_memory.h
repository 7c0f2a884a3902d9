// Memory for packed weights: mapped directly, so that dropping a model gives it back to the system at once.
#pragma once

#include "tensor/storage.h"

namespace easel::ops::cpu {

// Zeroed pages, 64-byte aligned at least; large ones in huge pages. A page settles near the thread that
// first writes it. Throws Error(kMemory).
StorageRef allocate_weights(size_t bytes);

// Bytes held by all weights now.
size_t weight_bytes();

}  // namespace easel::ops::cpu
