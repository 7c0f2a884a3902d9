// Compute types as indices of the kernel tables.
#pragma once

#include <cstddef>

#include "tensor/dtype.h"

namespace easel::ops::cpu {

inline size_t type_index(DType type) { return type == DType::kBF16 ? 1 : 0; }

}  // namespace easel::ops::cpu
