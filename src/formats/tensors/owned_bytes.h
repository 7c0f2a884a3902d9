// Memory for file contents that cannot be used in place in the mapping.
#pragma once

#include "tensor/storage.h"
#include "tensor/tensor.h"

namespace easel::formats {

// Uninitialised memory of its own, aligned for every element type, given back to the system when the
// last tensor that uses it goes (pooled blocks would be kept). Throws Error(kMemory).
StorageRef owned_bytes(size_t bytes);

// A contiguous tensor over `data`, which lies in `storage`: a view where the address is aligned to the
// element, else a copy (files written without padding exist; an unaligned read would be undefined).
// The caller has checked that the shape's bytes lie inside.
Tensor view_or_copy(const StorageRef& storage, const void* data, const Shape& shape, DType dtype);

}  // namespace easel::formats
