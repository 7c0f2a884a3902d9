// From rows of an f32 matrix to the lanes of a panel: a transposition, and rounding for bf16.

namespace easel::ops::cpu::EASEL_ISA {

// Element j is p[j * stride], zero from n on.
EASEL_INLINE Vec gather(const float* p, int64_t stride, int64_t n) {
#if defined(__AVX512F__)
  if (n >= kVec) {
    const __m512i index = _mm512_mullo_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                                             _mm512_set1_epi32(static_cast<int>(stride)));
    return (Vec)_mm512_i32gather_ps(index, p, 4);
  }
#endif
  float t[kVec] = {};
  for (int64_t j = 0; j < kVec && j < n; ++j) t[j] = p[j * stride];
  return load(t);
}

// Pairs of bf16 as lanes: lane j at p + j * stride elements of two bytes, zero from n on.
EASEL_INLINE Vec gather_pairs(const void* p, int64_t stride, int64_t n) {
#if defined(__AVX512F__)
  if (n >= kVec) {
    const __m512i index = _mm512_mullo_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                                             _mm512_set1_epi32(static_cast<int>(stride)));
    return (Vec)_mm512_i32gather_epi32(index, p, 2);
  }
#endif
  uint32_t t[kVec] = {};
  for (int64_t j = 0; j < kVec && j < n; ++j) std::memcpy(&t[j], static_cast<const uint16_t*>(p) + j * stride, 4);
  Vec v;
  std::memcpy(&v, t, sizeof v);
  return v;
}

#if defined(__F16C__)
static void widen_half(const void* half, float* to, int64_t n) {
  const auto* from = static_cast<const uint16_t*>(half);
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i))));
  for (; i < n; ++i) to[i] = _cvtsh_ss(from[i]);
}
#endif

template <bool kBf16>
static void pack_lanes(const PackLanes& p) {
  const int64_t step = kBf16 ? 2 : 1;
  for (int64_t o = 0; o < p.outputs; o += kVec) {
    const float* from = p.from + o * p.output_stride;
    const int64_t n = p.outputs - o;
    float* to = p.to + o;
    for (int64_t k = 0; k < p.depth; k += step, to += p.width) {
      Vec lanes = gather(from + p.k_offset[k], p.output_stride, n);
      if constexpr (kBf16) {
        const Vec next = k + 1 < p.depth ? gather(from + p.k_offset[k + 1], p.output_stride, n) : Vec{};
        lanes = (Vec)(__builtin_convertvector(narrow(lanes), UVec) | (__builtin_convertvector(narrow(next), UVec) << 16));
      }
      store(to, lanes);  // zeros beyond the last output
    }
  }
}

}  // namespace easel::ops::cpu::EASEL_ISA
