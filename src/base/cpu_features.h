// Which instructions this processor has. The only place that asks it.
#pragma once

namespace easel {

struct CpuFeatures {
  bool avx2 = false;         // with FMA and F16C, which every processor that has AVX2 has as well
  bool avx_vnni = false;     // products of bytes in vectors of 256 bits, with or without AVX-512
  bool avx512 = false;       // F, BW, VL and DQ
  bool avx512_vnni = false;  // products of bytes
  bool avx512_bf16 = false;  // products of bf16
  bool amx = false;  // matrix registers (AMX) with products of bf16 and of bytes, which the system keeps for threads
};

// All false on processors other than x86-64.
const CpuFeatures& cpu_features();

}  // namespace easel
