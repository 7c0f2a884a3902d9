// Which instructions this processor has. The only place that asks it.
#pragma once

namespace easel {

struct CpuFeatures {
  bool avx2 = false;         // with FMA and F16C, which every processor that has AVX2 has as well
  bool avx_vnni = false;     // products of bytes in vectors of 256 bits, with or without AVX-512
  bool avx512 = false;       // F, BW, VL and DQ
  bool avx512_vnni = false;  // products of bytes
  bool avx512_bf16 = false;  // products of bf16
  // Whether those take longer than widening to f32 and multiplying. On Intel's cores they do, by the documented rates
  // and measured (docs/performance.md): one in two cycles, where there are four of f32 of half the products each.
  bool avx512_bf16_is_slow = false;
  bool amx = false;  // matrix registers (AMX) with products of bf16 and of bytes, which the system keeps for threads

  // Of arm64, all of which has vectors of 128 bits (NEON) with conversions of f16.
  bool neon_dot = false;   // sums of four products of bytes of one sign (FEAT_DotProd)
  bool neon_bf16 = false;  // products of bf16 (FEAT_BF16) and of bytes of different signs (FEAT_I8MM)
};

// What the other kind of processor has is false.
const CpuFeatures& cpu_features();

}  // namespace easel
