// The operations of tiles/shapes.h as AMX's instructions. For files compiled for one instruction level, see simd.h:
// everything has internal linkage. Written in assembly because GCC 12's intrinsics do not tell the compiler that a load
// reads memory, so that it may move earlier stores past the load.
#pragma once

#include "ops/cpu/tiles/shapes.h"

#ifndef EASEL_ISA
#error "define EASEL_ISA before including ops/cpu/tiles/hardware_tiles.h"
#endif

namespace easel::ops::cpu::EASEL_ISA {

struct HardwareTiles {
  static inline void configure(const TileShapes& shapes) { asm volatile("ldtilecfg %0" : : "m"(shapes) : "memory"); }
  static inline void release() { asm volatile("tilerelease" : : : "memory"); }

  template <int T>
  static inline void zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(T));
  }
  template <int T>
  static inline void load(const void* from, int64_t step) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(step), "i"(T) : "memory");
  }
  template <int T>
  static inline void stream_load(const void* from, int64_t step) {
    asm volatile("tileloaddt1 (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(step), "i"(T) : "memory");
  }
  template <int T>
  static inline void store(void* to, int64_t step) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(step), "i"(T) : "memory");
  }
  // In this syntax the destination comes last and B first.
  template <int C, int A, int B>
  static inline void multiply_bf16() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(C), "i"(A), "i"(B));
  }
  template <int C, int A, int B>
  static inline void multiply_bytes() {
    asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(C), "i"(A), "i"(B));
  }
  static inline void prefetch_near(const void* p) { __builtin_prefetch(p, 0, 3); }
  static inline void prefetch_far(const void* p) { __builtin_prefetch(p, 0, 2); }
};

}  // namespace easel::ops::cpu::EASEL_ISA
