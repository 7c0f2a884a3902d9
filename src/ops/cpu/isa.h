// The instruction sets that the kernels are compiled for. One binary serves every x86-64 processor, another every arm64
// one: it holds the kernels once per level, and chooses the level when it starts.
#pragma once

#include <string_view>
#include <vector>

namespace easel::ops::cpu {

// kBase is SSE2 on x86-64 and NEON on arm64. Each level of a kind of processor includes those of that kind before it,
// except that x86-64's from kAvx512 on do without kAvxVnni. kNeonDot has sums of products of bytes, kNeonBf16 those of
// bf16, and of bytes of which only one has a sign. The emulated ones compute in plain code what kAvx512Bf16 and kAmx
// do, with their widths of vectors, layouts of weights and matrix registers (ops/cpu/tiles/shapes.h): every processor
// can run them, slowly, for tests.
enum class Isa {
  kBase,
  kAvx2,
  kAvxVnni,
  kAvx512,
  kAvx512Vnni,
  kAvx512Bf16,
  kAmx,
  kNeonDot,
  kNeonBf16,
  kAvx512Bf16Emulated,
  kAmxEmulated
};

// The best level of this processor, or the one named by the environment variable EASEL_ISA ("base", "avx2", "avxvnni",
// "avx512", "avx512vnni", "avx512bf16", "amx", "neondot", "neonbf16", "avx512bf16-emulated", "amx-emulated") or by
// set_isa(). Of several names with commas between them the first that the processor can run is taken; where it can run
// none, the best level is.
Isa isa();
std::string_view isa_name(Isa level);
inline bool is_emulated(Isa level) { return level >= Isa::kAvx512Bf16Emulated; }

// Whether products of bf16 are at least as fast there as those of f32: it has instructions for them, or emulates those.
bool multiplies_bf16(Isa level);

// The levels that tests of this processor run at, in order: all that it has, and the emulation of kAvx512Bf16 and of
// kAmx where it does not have them. The last one computes with matrix registers.
std::vector<Isa> isa_levels();

// Sets the level of everything computed from now on, for tests and comparisons. Weights packed earlier have the layout
// of the earlier level and must not be used afterwards.
void set_isa(Isa level);

}  // namespace easel::ops::cpu
