// Vectors of f32 at the instruction level of the including file, which must define EASEL_ISA (a namespace name) and be
// compiled for that level. Everything here has internal linkage, and such files use no templates of the standard
// library: otherwise the linker could keep the AVX-512 copy of an inline function for the whole program.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

// Registers of 128 bits are what the file computes in.
#if defined(__aarch64__) && !defined(EASEL_VECTOR)
#define EASEL_NEON
#endif

// Its level multiplies two rows by two outputs at a time (kernels/arm64/paired_tile.inl).
#if defined(EASEL_NEON) && defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC) && defined(__ARM_FEATURE_MATMUL_INT8)
#define EASEL_PAIRED_LANES
#endif

#ifndef EASEL_ISA
#error "define EASEL_ISA before including ops/cpu/simd.h"
#endif

#define EASEL_INLINE static inline __attribute__((always_inline))

namespace easel::ops::cpu::EASEL_ISA {

#if defined(EASEL_VECTOR)
constexpr int kVec = EASEL_VECTOR;  // may be wider than a register; the compiler then splits each operation
#elif defined(__AVX512F__)
constexpr int kVec = 16;
#elif defined(__AVX2__)
constexpr int kVec = 8;
#else
constexpr int kVec = 4;
#endif

using Vec = float __attribute__((vector_size(kVec * 4)));
using IVec = int32_t __attribute__((vector_size(kVec * 4)));
using UVec = uint32_t __attribute__((vector_size(kVec * 4)));
using HVec = uint16_t __attribute__((vector_size(kVec * 2)));

template <bool kBf16>
struct ElementType {
  using Type = float;
};
template <>
struct ElementType<true> {
  using Type = uint16_t;  // the bits of a bf16
};
template <bool kBf16>
using ElementOf = typename ElementType<kBf16>::Type;

EASEL_INLINE Vec splat(float x) { return x - Vec{}; }

EASEL_INLINE Vec load(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
EASEL_INLINE void store(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }

// bf16 values are the upper halves of f32.
EASEL_INLINE Vec widen(HVec h) { return (Vec)(__builtin_convertvector(h, UVec) << 16); }
EASEL_INLINE Vec load(const uint16_t* p) {
  HVec h;
  std::memcpy(&h, p, sizeof h);
  return widen(h);
}
// To nearest even; NaN stays NaN.
EASEL_INLINE HVec narrow(Vec v) {
#if defined(__AVX512BF16__)
  return (HVec)_mm512_cvtneps_pbh((__m512)v);
#elif defined(EASEL_NEON) && defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
  return (HVec)vcvt_bf16_f32((float32x4_t)v);
#else
  const UVec u = (UVec)v, rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
  const UVec nan = (u >> 16) | 0x40u;
  return __builtin_convertvector((u & 0x7fffffffu) > 0x7f800000u ? nan : rounded, HVec);
#endif
}
EASEL_INLINE void store(uint16_t* p, Vec v) {
  const HVec h = narrow(v);
  std::memcpy(p, &h, sizeof h);
}

// The first n elements (0 < n <= kVec). The others are loaded as 0 or left unwritten; their memory is not touched.
EASEL_INLINE Vec load_some(const float* p, int64_t n) {
#if defined(__AVX512F__)
  return (Vec)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1u), p);
#else
  float t[kVec] = {};
  for (int64_t i = 0; i < n; ++i) t[i] = p[i];
  return load(t);
#endif
}
EASEL_INLINE Vec load_some(const uint16_t* p, int64_t n) {
#if defined(__AVX512BW__) && defined(__AVX512VL__)
  return widen((HVec)_mm256_maskz_loadu_epi16(static_cast<__mmask16>((1u << n) - 1u), p));
#else
  uint16_t t[kVec] = {};
  for (int64_t i = 0; i < n; ++i) t[i] = p[i];
  return load(t);
#endif
}
EASEL_INLINE void store_some(float* p, Vec v, int64_t n) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1u), (__m512)v);
#else
  float t[kVec];
  store(t, v);
  for (int64_t i = 0; i < n; ++i) p[i] = t[i];
#endif
}
EASEL_INLINE void store_some(uint16_t* p, Vec v, int64_t n) {
#if defined(__AVX512BW__) && defined(__AVX512VL__)
  _mm256_mask_storeu_epi16(p, static_cast<__mmask16>((1u << n) - 1u), (__m256i)narrow(v));
#else
  uint16_t t[kVec];
  store(t, v);
  for (int64_t i = 0; i < n; ++i) p[i] = t[i];
#endif
}

EASEL_INLINE Vec fma(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__)
  return (Vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__)
  static_assert(kVec == 8);
  return (Vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(EASEL_NEON)
  return (Vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
  return a * b + c;
#endif
}

EASEL_INLINE Vec max(Vec a, Vec b) {
#if defined(__AVX512F__)
  return (Vec)_mm512_max_ps((__m512)a, (__m512)b);
#else
  return a > b ? a : b;  // b when either is NaN, as the instruction does
#endif
}
EASEL_INLINE Vec min(Vec a, Vec b) {
#if defined(__AVX512F__)
  return (Vec)_mm512_min_ps((__m512)a, (__m512)b);
#else
  return a < b ? a : b;
#endif
}

EASEL_INLINE float sum(Vec v) {
#if defined(__AVX512F__)
  return _mm512_reduce_add_ps((__m512)v);
#else
  float t[kVec], s = 0;
  store(t, v);
  for (int i = 0; i < kVec; ++i) s += t[i];
  return s;
#endif
}
EASEL_INLINE float highest(Vec v) {
#if defined(__AVX512F__)
  return _mm512_reduce_max_ps((__m512)v);
#else
  float t[kVec], s;
  store(t, v);
  s = t[0];
  for (int i = 1; i < kVec; ++i) s = t[i] > s ? t[i] : s;
  return s;
#endif
}

// x rounded to an integer, as a float; |x| < 2^22.
EASEL_INLINE Vec round_whole(Vec x) {
#if defined(__AVX512F__)
  return (Vec)_mm512_roundscale_ps((__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#elif defined(EASEL_NEON)
  return (Vec)vrndnq_f32((float32x4_t)x);
#else
  const Vec magic = splat(12582912.0f);  // 1.5 * 2^23 leaves no bits for a fraction
  return (x + magic) - magic;
#endif
}

// p * 2^whole for |whole| <= 252, if the result is a normal number.
EASEL_INLINE Vec scale_by_power(Vec p, Vec whole) {
#if defined(__AVX512F__)
  return (Vec)_mm512_scalef_ps((__m512)p, (__m512)whole);
#else
  const IVec n = __builtin_convertvector(whole, IVec), half = n >> 1;
  return p * (Vec)((half + 127) << 23) * (Vec)((n - half + 127) << 23);
#endif
}

// 2^x with a relative error of 1e-7 for x in [-126, 127.9]; lower values are clamped to -126. The polynomial is the
// Chebyshev interpolation of (2^f - 1) / f on [-1/2, 1/2].
EASEL_INLINE Vec exp2(Vec x) {
  x = max(splat(-126.0f), x);  // this order of operands preserves NaN
  const Vec whole = round_whole(x), f = x - whole;
  Vec p = splat(1.545316295e-4f);
  p = fma(p, f, splat(1.339086336e-3f));
  p = fma(p, f, splat(9.618082557e-3f));
  p = fma(p, f, splat(5.550357114e-2f));
  p = fma(p, f, splat(2.402265076e-1f));
  p = fma(p, f, splat(6.931471880e-1f));
  return scale_by_power(fma(p, f, splat(1.0f)), whole);
}

// 2^x to 8e-5, ample for a result that is rounded to bf16 next (4e-3).
EASEL_INLINE Vec exp2_short(Vec x) {
#if defined(__AVX512DQ__)
  // Of x below zero the instructions take the whole part downwards and -infinity to zero, so that nothing is cut off.
  // Polynomial: the best of 2^f on [0, 1] by its relative error.
  const Vec f = (Vec)_mm512_reduce_ps((__m512)x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  Vec p = splat(7.802452266e-2f);
  p = fma(p, f, splat(2.260671554e-1f));
  p = fma(p, f, splat(6.958335405e-1f));
  return (Vec)_mm512_scalef_ps((__m512)fma(p, f, splat(9.999252186e-1f)), (__m512)x);
#else
  x = max(splat(-126.0f), x);  // in this order a NaN stays
  const Vec whole = round_whole(x), f = x - whole;
  Vec p = splat(9.656710289e-3f);
  p = fma(p, f, splat(5.583828295e-2f));
  p = fma(p, f, splat(2.402253010e-1f));
  p = fma(p, f, splat(6.931367339e-1f));
  return scale_by_power(fma(p, f, splat(1.0f)), whole);
#endif
}

// e^x with a relative error of 2e-7; x is clamped to [-87, 87]. Subtracting ln 2 in two parts (Cody & Waite) keeps the
// accuracy for large x. The polynomial is the Chebyshev interpolation of (e^r - 1 - r) / r^2.
EASEL_INLINE Vec exp(Vec x) {
  x = min(splat(87.0f), max(splat(-87.0f), x));  // this order of operands preserves NaN
  const Vec whole = round_whole(x * splat(1.44269504f));
  const Vec r = fma(whole, splat(-1.42860677e-6f), fma(whole, splat(-0.693145752f), x));
  Vec p = splat(1.392617612e-3f);
  p = fma(p, r, splat(8.363173075e-3f));
  p = fma(p, r, splat(4.166655466e-2f));
  p = fma(p, r, splat(1.666657703e-1f));
  p = fma(p, r, splat(0.5f));
  return scale_by_power(fma(p * r, r, r + splat(1.0f)), whole);
}

// x sigmoid(slope x).
EASEL_INLINE Vec swish(Vec x, float slope) { return x / (splat(1.0f) + exp(splat(-slope) * x)); }

// x (1 + erf(x / sqrt 2)) / 2, accurate in the tail too: erfc(z) = e^(-z z) P(1 / (1 + 0.4 z)) with P by Chebyshev
// interpolation on 0 <= z <= 6 (relative error 3e-7 in f32).
EASEL_INLINE Vec gelu(Vec x) {
  const Vec z = min((Vec)((UVec)x & 0x7fffffffu) * splat(0.707106781f), splat(9.0f));
  const Vec t = splat(1.0f) / fma(splat(0.4f), z, splat(1.0f));
  Vec p = splat(-2.240638066e-3f);
  p = fma(p, t, splat(9.897225531e-2f));
  p = fma(p, t, splat(-4.883493532e-1f));
  p = fma(p, t, splat(8.682871633e-1f));
  p = fma(p, t, splat(-5.880362752e-1f));
  p = fma(p, t, splat(5.651858784e-1f));
  p = fma(p, t, splat(6.725820625e-2f));
  p = fma(p, t, splat(2.570212932e-1f));
  p = fma(p, t, splat(2.216793632e-1f));
  p = fma(p, t, splat(2.221088466e-4f));
  const Vec half_tail = splat(0.5f) * p * exp(-z * z);
  return x * (x < splat(0.0f) ? half_tail : splat(1.0f) - half_tail);
}

// Activations as numbers, in the order of ops::Activation, so that this file needs no header of the ops.
constexpr int kActNone = 0, kActSilu = 1, kActGelu = 2, kActQuickGelu = 3, kActRelu = 4, kActLeakyRelu = 5;
template <int kActivation>
EASEL_INLINE Vec apply(Vec x) {
  if constexpr (kActivation == kActSilu) return swish(x, 1.0f);
  if constexpr (kActivation == kActGelu) return gelu(x);
  if constexpr (kActivation == kActQuickGelu) return swish(x, 1.702f);
  if constexpr (kActivation == kActRelu) return x < splat(0.0f) ? splat(0.0f) : x;
  if constexpr (kActivation == kActLeakyRelu) return x < splat(0.0f) ? x * splat(0.2f) : x;
  return x;
}

}  // namespace easel::ops::cpu::EASEL_ISA
