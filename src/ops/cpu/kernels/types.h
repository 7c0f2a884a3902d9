// Compute types as indices of the kernel tables.
#pragma once

#include <cstddef>

#include "tensor/dtype.h"

namespace easel::ops::cpu {

// 0 for f32, 1 for bf16; product kernels also have 2 for 8-bit integers.
inline size_t type_index(DType type) { return type == DType::kBF16 ? 1 : type == DType::kI8 ? 2 : 0; }

// Values of k in the four bytes of a lane.
inline int64_t values_in_lane(DType type) { return type == DType::kF32 ? 1 : type == DType::kBF16 ? 2 : 4; }

}  // namespace easel::ops::cpu
