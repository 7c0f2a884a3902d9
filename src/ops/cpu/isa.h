// The instruction sets that the kernels are compiled for. One binary serves every x86-64 processor: it holds the
// kernels once per level, and chooses the level when it starts.
#pragma once

#include <string_view>
#include <vector>

namespace easel::ops::cpu {

// Each includes the ones before it, but that the levels from kAvx512 on need no kAvxVnni. The last is kAmx on
// processors that do not have it, see ops/cpu/tiles/shapes.h.
enum class Isa { kBase, kAvx2, kAvxVnni, kAvx512, kAvx512Vnni, kAvx512Bf16, kAmx, kAmxEmulated };

// The best level of this processor, or the one named by the environment variable EASEL_ISA ("base", "avx2", "avxvnni",
// "avx512", "avx512vnni", "avx512bf16", "amx", "amx-emulated") or by set_isa(). A level that the processor does not
// have is not taken; the best one is.
Isa isa();
std::string_view isa_name(Isa level);

// The levels that this processor can run, in order. They end with kAmx where it has matrix registers, else with
// kAmxEmulated.
std::vector<Isa> isa_levels();

// Sets the level of everything computed from now on, for tests and comparisons. Weights packed earlier have the layout
// of the earlier level and must not be used afterwards.
void set_isa(Isa level);

}  // namespace easel::ops::cpu
