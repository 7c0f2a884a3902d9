// Packing: from rows of a weight matrix to the lanes of a panel, one vector of outputs at a time.

namespace easel::ops::cpu::EASEL_ISA {

// Pairs of bf16 as lanes: lane j from p + j * stride elements of two bytes, zero for j >= n.
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

// Element j is p[j * stride], zero for j >= n.
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

#if defined(__F16C__)
static void widen_half(const void* half, float* to, int64_t n) {
  const auto* from = static_cast<const uint16_t*>(half);
  int64_t i = 0;
#if defined(__AVX512F__)
  for (; i + 16 <= n; i += 16)
    _mm512_storeu_ps(to + i, _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i))));
#endif
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i))));
  for (; i < n; ++i) to[i] = _cvtsh_ss(from[i]);
}
#elif defined(__aarch64__)
static void widen_half(const void* half, float* to, int64_t n) {
  const auto* from = static_cast<const __fp16*>(half);
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) vst1q_f32(to + i, vcvt_f32_f16(vld1_f16(from + i)));
  for (; i < n; ++i) to[i] = from[i];
}
#endif

// One step of a transposition: swaps the off-diagonal kStep x kStep blocks.
template <int kStep>
EASEL_INLINE void swap_blocks(Vec* r) {
  IVec low, high;
  for (int j = 0; j < kVec; ++j) {
    low[j] = (j & kStep) == 0 ? j : kVec + j - kStep;
    high[j] = (j & kStep) == 0 ? j + kStep : kVec + j;
  }
#pragma GCC unroll 16
  for (int i = 0; i < kVec; ++i) {
    if ((i & kStep) != 0) continue;
    const Vec a = r[i], b = r[i + kStep];
    r[i] = __builtin_shuffle(a, b, low);
    r[i + kStep] = __builtin_shuffle(a, b, high);
  }
}

static void transpose_rows(const TransposeRows& t) {
  for (int64_t k = 0; k < t.columns; k += kVec) {
    const int64_t n = t.columns - k;
    Vec r[kVec] = {};
    for (int64_t i = 0; i < kVec && i < t.rows; ++i) {
      const float* row = t.from + i * t.stride + k;
      r[i] = n >= kVec ? load(row) : load_some(row, n);
    }
    swap_blocks<1>(r);
    swap_blocks<2>(r);
    if constexpr (kVec > 4) swap_blocks<4>(r);
    if constexpr (kVec > 8) swap_blocks<8>(r);
    float* to = t.to + k * kVec;
    for (int64_t i = 0; i < kVec && i < n; ++i) store(to + i * kVec, r[i]);
  }
}

// G g G^T of 3x3 windows, with the rows of G (1, 0, 0), (1, 1, 1) / 2, (1, -1, 1) / 2, (0, 0, 1).
EASEL_INLINE void winograd_window(const Vec g[9], Vec out[16]) {
  const Vec half = splat(0.5f);
  Vec rows[12];
  for (int v = 0; v < 3; ++v) {
    const Vec ends = g[v] + g[6 + v];
    rows[v] = g[v];
    rows[3 + v] = half * (ends + g[3 + v]);
    rows[6 + v] = half * (ends - g[3 + v]);
    rows[9 + v] = g[6 + v];
  }
  for (int r = 0; r < 4; ++r) {
    const Vec ends = rows[3 * r] + rows[3 * r + 2];
    out[4 * r] = rows[3 * r];
    out[4 * r + 1] = half * (ends + rows[3 * r + 1]);
    out[4 * r + 2] = half * (ends - rows[3 * r + 1]);
    out[4 * r + 3] = rows[3 * r + 2];
  }
}

// The 2x2 window over the small map for outputs in even (0) or odd (1) rows dy and columns dx of the enlarged map. Two
// of the three rows under a 3x3 window are copies of one row of the small map: the last two for even outputs, the first
// two for odd ones.
EASEL_INLINE void fold_window(const Vec g[9], int dy, int dx, Vec out[4]) {
  Vec rows[6];
  for (int v = 0; v < 3; ++v) {
    rows[v] = dy == 0 ? g[v] : g[v] + g[3 + v];
    rows[3 + v] = dy == 0 ? g[3 + v] + g[6 + v] : g[6 + v];
  }
  for (int r = 0; r < 2; ++r) {
    const Vec* const a = rows + 3 * r;
    out[2 * r] = dx == 0 ? a[0] : a[0] + a[1];
    out[2 * r + 1] = dx == 0 ? a[1] + a[2] : a[2];
  }
}

static void transform_windows(const TransformWindows& t) {
  const int64_t size = t.kind == WindowKind::kWinograd ? 16 : 4;
  for (int64_t i = 0; i < t.windows; ++i) {
    const float* from = t.from + i * 9 * kVec;
    float* to = t.to + i * size * kVec;
    Vec g[9], out[16];
    for (int j = 0; j < 9; ++j) g[j] = load(from + j * kVec);
    switch (t.kind) {
      case WindowKind::kPlain: return;
      case WindowKind::kWinograd: winograd_window(g, out); break;
      case WindowKind::kFoldEvenEven: fold_window(g, 0, 0, out); break;
      case WindowKind::kFoldEvenOdd: fold_window(g, 0, 1, out); break;
      case WindowKind::kFoldOddEven: fold_window(g, 1, 0, out); break;
      case WindowKind::kFoldOddOdd: fold_window(g, 1, 1, out); break;
    }
    for (int64_t j = 0; j < size; ++j) store(to + j * kVec, out[j]);
  }
}

template <bool kBf16>
static void pack_lanes(const PackLanes& p) {
  const int64_t step = kBf16 ? 2 : 1;
  float* to = p.to;
  for (int64_t k = 0; k < p.depth; k += step, to += p.width) {
    Vec lanes = load(p.from + p.k_offset[k] * kVec);
    if constexpr (kBf16) {
      const Vec next = k + 1 < p.depth ? load(p.from + p.k_offset[k + 1] * kVec) : Vec{};
      lanes = (Vec)(__builtin_convertvector(narrow(lanes), UVec) | (__builtin_convertvector(narrow(next), UVec) << 16));
    }
    store(to, lanes);
  }
}

}  // namespace easel::ops::cpu::EASEL_ISA
