// Which instructions the kernels may use. One binary serves every x86-64 processor: the kernels are
// compiled once per level, and the level is chosen when the program starts.
#pragma once

#include <string_view>

namespace easel::ops::cpu {

enum class Isa { kBase, kAvx2, kAvx512, kAvx512Vnni, kAvx512Bf16 };  // each includes the ones before it

// The best level of this processor, or the lower one named by the environment variable EASEL_ISA
// ("base", "avx2", "avx512", "avx512vnni", "avx512bf16"), or by limit_isa().
Isa isa();
std::string_view isa_name(Isa level);

// Lowers (never raises) the level for what is computed from now on: for tests and comparisons. Weights
// packed before keep the layout of the level they were packed at, and must not be used afterwards.
void limit_isa(Isa level);

}  // namespace easel::ops::cpu
