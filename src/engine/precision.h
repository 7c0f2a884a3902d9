// --precision: what models multiply in.
#pragma once

#include <string_view>

#include "tensor/dtype.h"

namespace easel::engine {

// "f32", "bf16", "int8" (DType::kI8), or "auto": bf16 where the processor multiplies it in hardware (AVX512_BF16 or
// AMX), else f32.
// Throws Error(kUsage) for anything else.
DType parse_precision(std::string_view name);

}  // namespace easel::engine
