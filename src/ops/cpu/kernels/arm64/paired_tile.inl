// The product kernel for instructions that multiply a square at a time: two rows by two outputs, over two lanes (BFMMLA
// and, of bytes, USMMLA). They do twice the products of an instruction that works lane by lane.
//
// Lanes of a panel come in pairs for it: of each vector of outputs the first two have both their lanes where the first
// lane was, one output after the other, and the other two where the second lane was. A last lane without another stays
// as it is.

namespace easel::ops::cpu::EASEL_ISA {

// The first halves of two vectors, and the second ones.
EASEL_INLINE Vec first_halves(Vec a, Vec b) { return (Vec)vzip1q_f64((float64x2_t)a, (float64x2_t)b); }
EASEL_INLINE Vec second_halves(Vec a, Vec b) { return (Vec)vzip2q_f64((float64x2_t)a, (float64x2_t)b); }

// Two lanes of a vector of outputs as a pair: its first two outputs, and the others.
EASEL_INLINE Vec lower_pair(Vec a, Vec b) { return (Vec)vzip1q_f32((float32x4_t)a, (float32x4_t)b); }
EASEL_INLINE Vec upper_pair(Vec a, Vec b) { return (Vec)vzip2q_f32((float32x4_t)a, (float32x4_t)b); }

// In place, `lanes` lanes of `width` outputs.
static void pair_lanes(float* weights, int64_t lanes, int64_t width) {
  for (int64_t lane = 0; lane + 2 <= lanes; lane += 2, weights += 2 * width)
    for (int64_t c = 0; c < width; c += kVec) {
      const Vec a = load(weights + c), b = load(weights + width + c);
      store(weights + c, lower_pair(a, b));
      store(weights + width + c, upper_pair(a, b));
    }
}

// sums[row][output] += a[row] * b[output] for two rows and two outputs, of two lanes each.
template <int kType>
EASEL_INLINE Vec square_fma(Vec a, Vec b, Vec sums) {
  if constexpr (kType == 2) return (Vec)vusmmlaq_s32((int32x4_t)sums, (uint8x16_t)a, (int8x16_t)b);
  return (Vec)vbfmmlaq_f32((float32x4_t)sums, (bfloat16x8_t)a, (bfloat16x8_t)b);
}

// Two lanes from either place. They need not be aligned.
EASEL_INLINE Vec load_pairs(const char* p, const char* q) {
  return (Vec)vcombine_u8(vld1_u8(reinterpret_cast<const uint8_t*>(p)), vld1_u8(reinterpret_cast<const uint8_t*>(q)));
}
// One lane from either place, each followed by zeros.
EASEL_INLINE Vec load_last(const char* p, const char* q) {
  const float a = load_lane(p), b = load_lane(q);
  return Vec{a, 0.0f, b, 0.0f};
}

template <int kType>
EASEL_INLINE Vec add_neighbours(Vec a, Vec b) {
  if constexpr (kType == 2) return (Vec)vpaddq_s32((int32x4_t)a, (int32x4_t)b);
  return (Vec)vpaddq_f32((float32x4_t)a, (float32x4_t)b);
}

template <int kType>
EASEL_INLINE void store_sums(const PanelTile& t, int row, int vec, Vec sums) {
  float* out = t.out + row * t.out_stride + vec * kVec;
  store(out, t.accumulate ? add_sums<kType>(load(out), sums) : sums);
}

// An odd row is multiplied lane by lane, for which each half of a vector has its lanes (BFDOT, USDOT).
template <int kType, int kRows, int kVecs>
static void paired_tile(const PanelTile& t) {
  constexpr int kTwos = kRows / 2, kOdd = kRows % 2;
  Vec squares[kTwos + 1][kVecs][2] = {}, single[kVecs][2] = {};
  const float* b = t.weights;
  for (int64_t tap = 0; tap < t.taps; ++tap) {
    const char* a[kRows];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) a[r] = t.a + t.row_offset[r] + t.tap_offset[tap];
    const auto multiply = [&](auto load_two, int64_t lane, auto weights) __attribute__((always_inline)) {
      Vec x[kTwos + 1];
#pragma GCC unroll 8
      for (int p = 0; p < kTwos; ++p) x[p] = load_two(a[2 * p] + lane * 4, a[2 * p + 1] + lane * 4);
      if constexpr (kOdd != 0) x[kTwos] = load_two(a[kRows - 1] + lane * 4, a[kRows - 1] + lane * 4);
#pragma GCC unroll 8
      for (int v = 0; v < kVecs; ++v)
#pragma GCC unroll 2
        for (int half = 0; half < 2; ++half) {
          const Vec w = weights(v, half);
#pragma GCC unroll 8
          for (int p = 0; p < kTwos; ++p) squares[p][v][half] = square_fma<kType>(x[p], w, squares[p][v][half]);
          if constexpr (kOdd != 0) single[v][half] = lane_fma<kType>(x[kTwos], w, single[v][half]);
        }
    };
    int64_t lane = 0;
#pragma GCC unroll 1
    for (; lane + 2 <= t.lanes; lane += 2, b += 2 * kVecs * kVec)
      multiply(
          [](const char* p, const char* q) __attribute__((always_inline)) { return load_pairs(p, q); },
          lane, [&](int v, int half) __attribute__((always_inline)) { return load(b + (half * kVecs + v) * kVec); });
    if (lane == t.lanes) continue;
    multiply(
        [](const char* p, const char* q) __attribute__((always_inline)) { return load_last(p, q); }, lane,
        [&](int v, int half) __attribute__((always_inline)) {
          const Vec w = load(b + v * kVec);
          return half == 0 ? lower_pair(w, Vec{}) : upper_pair(w, Vec{});
        });
    b += kVecs * kVec;
  }
#pragma GCC unroll 8
  for (int v = 0; v < kVecs; ++v) {
#pragma GCC unroll 8
    for (int p = 0; p < kTwos; ++p) {
      store_sums<kType>(t, 2 * p, v, first_halves(squares[p][v][0], squares[p][v][1]));
      store_sums<kType>(t, 2 * p + 1, v, second_halves(squares[p][v][0], squares[p][v][1]));
    }
    if constexpr (kOdd != 0) store_sums<kType>(t, kRows - 1, v, add_neighbours<kType>(single[v][0], single[v][1]));
  }
}

}  // namespace easel::ops::cpu::EASEL_ISA
