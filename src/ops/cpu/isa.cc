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

constexpr std::array<std::string_view, 9> kNames{
    "base", "avx2", "avxvnni", "avx512", "avx512vnni", "avx512bf16", "amx", "avx512bf16-emulated", "amx-emulated"};

Isa best() {
  const CpuFeatures& f = cpu_features();
  return matrix_registers_granted() ? Isa::kAmx
         : f.avx512_bf16            ? Isa::kAvx512Bf16
         : f.avx512_vnni            ? Isa::kAvx512Vnni
         : f.avx512                 ? Isa::kAvx512
         : f.avx_vnni               ? Isa::kAvxVnni
         : f.avx2                   ? Isa::kAvx2
                                    : Isa::kBase;
}

// Whether the processor can run it.
bool has(Isa level) {
  return level > Isa::kAmx || (level <= best() && (level != Isa::kAvxVnni || cpu_features().avx_vnni));
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

std::vector<Isa> isa_levels() {
  std::vector<Isa> levels;
  for (int i = 0; i <= static_cast<int>(best()); ++i)
    if (has(static_cast<Isa>(i))) levels.push_back(static_cast<Isa>(i));
  if (best() < Isa::kAvx512Bf16) levels.push_back(Isa::kAvx512Bf16Emulated);
  if (best() < Isa::kAmx) levels.push_back(Isa::kAmxEmulated);
  return levels;
}

}  // namespace easel::ops::cpu
