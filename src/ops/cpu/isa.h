// Which instructions the kernels may use. One binary serves every x86-64 processor: the kernels are
// compiled once per level, and the level is chosen when the program starts.
#pragma once

#include <string_view>
#include <vector>

namespace easel::ops::cpu {

// Each includes the ones before it; the last is kAmx on processors that do not have it, see ops/cpu/tiles/shapes.h.
enum class Isa { kBase, kAvx2, kAvx512, kAvx512Vnni, kAvx512Bf16, kAmx, kAmxEmulated };

// The best level of this processor, or the one named by the environment variable EASEL_ISA ("base", "avx2", "avx512",
// "avx512vnni", "avx512bf16", "amx", "amx-emulated"), or by set_isa(). Instead of a level that the processor does not
// have, the best one.
Isa isa();
std::string_view isa_name(Isa level);

// The levels that can be computed at here, in order; of the two last ones the processor's own where it has that.
std::vector<Isa> isa_levels();

// The level of what is computed from now on: for tests and comparisons. Weights packed before keep the layout of the
// level they were packed at, and must not be used afterwards.
void set_isa(Isa level);

}  // namespace easel::ops::cpu
