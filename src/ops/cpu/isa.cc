#include "ops/cpu/isa.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <optional>

#include "base/cpu_features.h"
#include "ops/cpu/tiles/permission.h"

namespace easel::ops::cpu {
namespace {

constexpr std::array<std::string_view, 11> kNames{"base",        "avx2", "avxvnni", "avx512",   "avx512vnni",
                                                  "avx512bf16",  "amx",  "neondot", "neonbf16", "avx512bf16-emulated",
                                                  "amx-emulated"};

// Whether the processor can run it.
bool has(Isa level) {
  const CpuFeatures& f = cpu_features();
  switch (level) {
    case Isa::kBase: return true;
    case Isa::kAvx2: return f.avx2;
    case Isa::kAvxVnni: return f.avx_vnni;
    case Isa::kAvx512: return f.avx512;
    case Isa::kAvx512Vnni: return f.avx512_vnni;
    case Isa::kAvx512Bf16: return f.avx512_bf16;
    case Isa::kAmx: return matrix_registers_granted();
    case Isa::kNeonDot: return f.neon_dot;
    case Isa::kNeonBf16: return f.neon_bf16;
    case Isa::kAvx512Bf16Emulated:
    case Isa::kAmxEmulated: return true;
  }
  return false;
}

// The last one that the processor has, of those that are not emulated and no slower than the one before. It always has
// kBase.
Isa best() {
  int level = static_cast<int>(Isa::kNeonBf16);
  while (!has(static_cast<Isa>(level))) --level;
  if (level == static_cast<int>(Isa::kAvx512Bf16) && cpu_features().avx512_bf16_is_slow) return Isa::kAvx512Vnni;
  return static_cast<Isa>(level);
}

// The first of `names` that the processor can run.
std::optional<Isa> first_of(std::string_view names) {
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find(','));
    const auto at = static_cast<size_t>(std::find(kNames.begin(), kNames.end(), name) - kNames.begin());
    if (at < kNames.size() && has(static_cast<Isa>(at))) return static_cast<Isa>(at);
    names.remove_prefix(std::min(name.size() + 1, names.size()));
  }
  return std::nullopt;
}

std::atomic<Isa>& current() {
  static std::atomic<Isa> level = [] {
    const char* wanted = std::getenv("EASEL_ISA");
    return first_of(wanted != nullptr ? wanted : "").value_or(best());
  }();
  return level;
}

}  // namespace

Isa isa() { return current().load(std::memory_order_relaxed); }
std::string_view isa_name(Isa level) { return kNames[static_cast<size_t>(level)]; }
void set_isa(Isa wanted) { current().store(has(wanted) ? wanted : best(), std::memory_order_relaxed); }

bool multiplies_bf16(Isa level) {
  return level == Isa::kAvx512Bf16 || level == Isa::kAmx || level == Isa::kNeonBf16 || is_emulated(level);
}

std::vector<Isa> isa_levels() {
  std::vector<Isa> levels;
  for (int i = 0; i <= static_cast<int>(Isa::kNeonBf16); ++i)
    if (has(static_cast<Isa>(i))) levels.push_back(static_cast<Isa>(i));
  if (!has(Isa::kAvx512Bf16)) levels.push_back(Isa::kAvx512Bf16Emulated);
  if (!has(Isa::kAmx)) levels.push_back(Isa::kAmxEmulated);
  return levels;
}

}  // namespace easel::ops::cpu
