#include "ops/cpu/cpu_features.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace easel::ops::cpu {
namespace {

constexpr std::array<std::string_view, 5> kNames{"base", "avx2", "avx512", "avx512vnni", "avx512bf16"};

Isa best() {
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  if (!avx2) return Isa::kBase;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (!avx512) return Isa::kAvx2;
  if (!__builtin_cpu_supports("avx512vnni")) return Isa::kAvx512;
  return __builtin_cpu_supports("avx512bf16") ? Isa::kAvx512Bf16 : Isa::kAvx512Vnni;
#else
  return Isa::kBase;
#endif
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

bool has_amx_bf16() {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & (1u << 22)) && (d & (1u << 24));
#else
  return false;
#endif
}

}  // namespace easel::ops::cpu
