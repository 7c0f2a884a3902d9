#include "base/cpu_features.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace easel {
namespace {

#if defined(__x86_64__)
// Whether the system saves and restores the configuration and the data of matrix registers: bits 17 and 18 of XCR0.
bool keeps_tiles() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_OSXSAVE) == 0) return false;
  unsigned low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  constexpr unsigned kTileState = 1u << 17 | 1u << 18;
  return (low & kTileState) == kTileState;
}
#endif

}  // namespace

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = [] {
    CpuFeatures f;
#if defined(__x86_64__)
    unsigned a = 0, b = 0, c = 0, d = 0;
    const bool f16c = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;  // Clang 14 has no name for it
    f.avx2 = f16c && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    // Bit 4 of EAX in the second part of the leaf.
    f.avx_vnni = f.avx2 && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & 1u << 4) != 0;
    f.avx512 = f.avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    f.avx512_vnni = f.avx512 && __builtin_cpu_supports("avx512vnni");
    f.avx512_bf16 = f.avx512_vnni && __builtin_cpu_supports("avx512bf16");
    f.avx512_bf16_is_slow = f.avx512_bf16 && __builtin_cpu_is("intel");
    // AMX-BF16, AMX-TILE and AMX-INT8 are bits 22, 24 and 25 of EDX; GCC 12 has no name for them here.
    constexpr unsigned kAmx = 1u << 22 | 1u << 24 | 1u << 25;
    f.amx = f.avx512_bf16 && __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & kAmx) == kAmx && keeps_tiles();
#elif defined(__aarch64__)
    const unsigned long first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2);
    f.neon_dot = (first & HWCAP_ASIMDDP) != 0;
    f.neon_bf16 = f.neon_dot && (second & HWCAP2_BF16) != 0 && (second & HWCAP2_I8MM) != 0;
#endif
    return f;
  }();
  return features;
}

}  // namespace easel
