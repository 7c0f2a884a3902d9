// Compute types as indices of the kernel tables.
#pragma once

#include <cstddef>

#include "tensor/dtype.h"

namespace easel::ops::cpu {

// 0 f32, 1 bf16; of products also 2, bytes.
inline size_t type_index(DType type) { return type == DType::kBF16 ? 1 : type == DType::kI8 ? 2 : 0; }

// Values of k in the four bytes of a lane.
inline int64_t values_in_lane(DType type) { return type == DType::kF32 ? 1 : type == DType::kBF16 ? 2 : 4; }

}  // namespace easel::ops::cpu
