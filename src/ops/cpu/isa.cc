#include "ops/cpu/isa.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>

#include "base/cpu_features.h"

namespace easel::ops::cpu {
namespace {

constexpr std::array<std::string_view, 5> kNames{"base", "avx2", "avx512", "avx512vnni", "avx512bf16"};

Isa best() {
  const CpuFeatures& f = cpu_features();
  return f.avx512_bf16   ? Isa::kAvx512Bf16
         : f.avx512_vnni ? Isa::kAvx512Vnni
         : f.avx512      ? Isa::kAvx512
         : f.avx2        ? Isa::kAvx2
                         : Isa::kBase;
}

std::atomic<Isa>& level() {
  static std::atomic<Isa> current = [] {
    Isa isa = best();
    if (const char* wanted = std::getenv("EASEL_ISA"))
      for (size_t i = 0; i < kNames.size(); ++i)
        if (kNames[i] == wanted) isa = std::min(isa, static_cast<Isa>(i));
    return isa;
  }();
  return current;
}

}  // namespace

Isa isa() { return level().load(std::memory_order_relaxed); }
std::string_view isa_name(Isa l) { return kNames[static_cast<size_t>(l)]; }
void limit_isa(Isa wanted) { level().store(std::min(wanted, best()), std::memory_order_relaxed); }

}  // namespace easel::ops::cpu
