// The instruction sets that the kernels are compiled for. One binary serves every x86-64 processor: it holds the
// kernels once per level, and chooses the level when it starts.
#pragma once

#include <string_view>
#include <vector>

namespace easel::ops::cpu {

// Each level includes those before it, except that kAmxEmulated runs on every processor: it computes like kAmx, with
// emulated tiles (ops/cpu/tiles/shapes.h).
enum class Isa { kBase, kAvx2, kAvx512, kAvx512Vnni, kAvx512Bf16, kAmx, kAmxEmulated };

// The level in use: that of set_isa(), else the one named by the environment variable EASEL_ISA ("base", "avx2",
// "avx512", "avx512vnni", "avx512bf16", "amx", "amx-emulated"), else the best level of this processor, which also
// replaces levels beyond it.
Isa isa();
std::string_view isa_name(Isa level);

// The levels that this processor can run, in order. They end with kAmx where it has matrix registers, else with
// kAmxEmulated.
std::vector<Isa> isa_levels();

// Sets the level of everything computed from now on, for tests and comparisons. Weights packed earlier have the layout
// of the earlier level and must not be used afterwards.
void set_isa(Isa level);

}  // namespace easel::ops::cpu
