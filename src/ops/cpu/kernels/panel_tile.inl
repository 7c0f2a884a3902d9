// The product kernel: a few rows times one panel of packed weights. Linear layers, convolutions and attention are all
// built on it.
//
// Every type is seen as "lanes" of four bytes along k: one f32, two neighbouring bf16, or four 8-bit integers. A panel
// holds kPanel outputs; for each lane of k it has one group of kPanel lanes, which the kernel reads in order. A block
// of rows x vectors of accumulators stays in registers for the whole depth.

namespace easel::ops::cpu::EASEL_ISA {

#if defined(__AVX512F__) || defined(EASEL_NEON) || defined(EASEL_VECTOR)
constexpr int kPanelVecs = 4;  // 6 x 4 accumulators, 4 weights and 1 value in 32 registers
#else
constexpr int kPanelVecs = 2;  // 6 x 2 accumulators, 2 weights and 1 value in 16 registers
#endif
constexpr int kPanel = kPanelVecs * kVec;

// With an odd number of channels, lanes of bf16 are only aligned to two bytes.
EASEL_INLINE float load_lane(const char* p) {
  float lane;
  std::memcpy(&lane, p, sizeof lane);
  return lane;
}

// Products of neighbouring 16-bit integers, added in pairs.
using SVec = int16_t __attribute__((vector_size(kVec * 4)));
EASEL_INLINE IVec multiply_pairs(SVec a, SVec b) {
#if defined(__AVX512BW__)
  return (IVec)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
  return (IVec)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined(__SSE2__) && !defined(EASEL_VECTOR)
  return (IVec)_mm_madd_epi16((__m128i)a, (__m128i)b);
#else
  const IVec low = (((IVec)a << 16) >> 16) * (((IVec)b << 16) >> 16);
  return low + ((IVec)a >> 16) * ((IVec)b >> 16);
#endif
}

// What is taken off each byte of a before it is multiplied: SDOT wants one sign. dequantise() knows.
#if defined(EASEL_NEON) && defined(__ARM_FEATURE_DOTPROD) && !defined(__ARM_FEATURE_MATMUL_INT8)
constexpr int32_t kByteShift = 128;
#else
constexpr int32_t kByteShift = 0;
#endif

// acc + (a - kByteShift) * b over four 8-bit integers, unsigned in a, signed in b. Exact, in contrast to the
// instruction that adds such products in 16 bits and saturates.
EASEL_INLINE Vec byte_fma(Vec a, Vec b, Vec acc) {
#if defined(__AVX512VNNI__)
  return (Vec)_mm512_dpbusd_epi32((__m512i)acc, (__m512i)a, (__m512i)b);
#elif defined(__AVXVNNI__)
  return (Vec)_mm256_dpbusd_avx_epi32((__m256i)acc, (__m256i)a, (__m256i)b);
#elif defined(EASEL_NEON) && defined(__ARM_FEATURE_MATMUL_INT8)
  return (Vec)vusdotq_s32((int32x4_t)acc, (uint8x16_t)a, (int8x16_t)b);
#elif defined(EASEL_NEON) && defined(__ARM_FEATURE_DOTPROD)
  return (Vec)vdotq_s32((int32x4_t)acc, (int8x16_t)veorq_u8((uint8x16_t)a, vdupq_n_u8(0x80)), (int8x16_t)b);
#else
  const SVec even = (SVec)((UVec)a & 0x00ff00ffu), odd = (SVec)(((UVec)a >> 8) & 0x00ff00ffu);
  const SVec even_weights = ((SVec)b << 8) >> 8, odd_weights = (SVec)b >> 8;
  return (Vec)((IVec)acc + multiply_pairs(even, even_weights) + multiply_pairs(odd, odd_weights));
#endif
}

// acc + a * b over the one, two or four values of k in a lane.
template <int kType>
EASEL_INLINE Vec lane_fma(Vec a, Vec b, Vec acc) {
  if constexpr (kType == 0) return fma(a, b, acc);
  if constexpr (kType == 2) return byte_fma(a, b, acc);
#if defined(__AVX512BF16__)
  return (Vec)_mm512_dpbf16_ps((__m512)acc, (__m512bh)a, (__m512bh)b);
#elif defined(EASEL_NEON) && defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
  return (Vec)vbfdotq_f32((float32x4_t)acc, (bfloat16x8_t)a, (bfloat16x8_t)b);
#else
  acc = fma((Vec)((UVec)a << 16), (Vec)((UVec)b << 16), acc);
  return fma((Vec)((UVec)a & 0xffff0000u), (Vec)((UVec)b & 0xffff0000u), acc);
#endif
}

template <int kType>
EASEL_INLINE Vec add_sums(Vec a, Vec b) {
  if constexpr (kType == 2) return (Vec)((IVec)a + (IVec)b);
  return a + b;
}

template <int kType, int kRows, int kVecs>
static void panel_tile(const PanelTile& t) {
  Vec acc[kRows][kVecs] = {};
  const float* b = t.weights;
  for (int64_t tap = 0; tap < t.taps; ++tap) {
    const char* a[kRows];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) a[r] = t.a + t.row_offset[r] + t.tap_offset[tap];
#pragma GCC unroll 1
    for (int64_t lane = 0; lane < t.lanes; ++lane) {
      Vec w[kVecs];
#pragma GCC unroll 8
      for (int v = 0; v < kVecs; ++v) w[v] = load(b + v * kVec);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const Vec x = splat(load_lane(a[r] + lane * 4));
#pragma GCC unroll 8
        for (int v = 0; v < kVecs; ++v) acc[r][v] = lane_fma<kType>(x, w[v], acc[r][v]);
      }
      b += kVecs * kVec;
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    float* out = t.out + r * t.out_stride;
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; ++v)
      store(out + v * kVec, t.accumulate ? add_sums<kType>(load(out + v * kVec), acc[r][v]) : acc[r][v]);
  }
}

}  // namespace easel::ops::cpu::EASEL_ISA
