// The steps of attention around its two products.

namespace easel::ops::cpu::EASEL_ISA {

template <bool kBf16>
static void pack_keys(const PackKeys& p) {
  constexpr int64_t kPer = kBf16 ? 2 : 1;
  const auto* from = static_cast<const ElementOf<kBf16>*>(p.from);
  float* to = p.to;
  for (int64_t first = 0; first < p.keys; first += kPanel) {
    [[maybe_unused]] float* panel = to;
    const int64_t left = p.keys - first, vectors = left >= kPanel ? kPanelVecs : (left + kVec - 1) / kVec;
    for (int64_t lane = 0; lane < p.lanes; ++lane)
      for (int64_t v = 0; v < vectors; ++v, to += kVec) {
        // Lanes are four bytes for both types.
        const auto* at = reinterpret_cast<const float*>(from + (first + v * kVec) * p.stride + lane * kPer);
        if constexpr (kBf16) store(to, gather_pairs(at, p.stride, left - v * kVec));
        else store(to, gather(at, p.stride, left - v * kVec));
      }
    for (int64_t i = 0; i < p.padding * vectors; ++i, to += kVec) store(to, Vec{});
#if defined(EASEL_PAIRED_LANES)
    if constexpr (kBf16) pair_lanes(panel, p.lanes + p.padding, vectors * kVec);
#endif
  }
}

// Columns [c, c + n) of two rows as lanes, n <= kVec.
EASEL_INLINE Vec pair(const uint16_t* even, const uint16_t* odd, int64_t n) {
  const Vec low = n >= kVec ? load(even) : load_some(even, n);
  const Vec high = odd == nullptr ? Vec{} : n >= kVec ? load(odd) : load_some(odd, n);
  return (Vec)(((UVec)low >> 16) | (UVec)high);
}

template <bool kBf16>
static void pack_values(const PackValues& p) {
  const auto* from = static_cast<const ElementOf<kBf16>*>(p.from);
  float* to = p.to;
  for (int64_t first = 0; first < p.columns; first += kPanel) {
    [[maybe_unused]] float* panel = to;
    const int64_t left = p.columns - first, vectors = left >= kPanel ? kPanelVecs : (left + kVec - 1) / kVec;
    for (int64_t lane = 0; lane < p.lanes; ++lane)
      for (int64_t v = 0; v < vectors; ++v, to += kVec) {
        const int64_t n = left - v * kVec;
        Vec lanes{};
        if constexpr (kBf16) {
          const auto* at = from + 2 * lane * p.stride + first + v * kVec;
          if (2 * lane < p.keys) lanes = pair(at, 2 * lane + 1 < p.keys ? at + p.stride : nullptr, n);
        } else {
          const auto* at = from + lane * p.stride + first + v * kVec;
          if (lane < p.keys) lanes = n >= kVec ? load(at) : load_some(at, n);
        }
        store(to, lanes);
      }
#if defined(EASEL_PAIRED_LANES)
    if constexpr (kBf16) pair_lanes(panel, p.lanes, vectors * kVec);
#endif
  }
}

static void bias_scores(const BiasScores& b) {
  const Vec scale = splat(b.scale);
  for (int64_t r = 0; r < b.rows; ++r) {
    float* s = b.scores + r * b.scores_stride;
    const float* bias = b.bias ? b.bias + r * b.bias_stride : nullptr;
    for (int64_t i = 0; i < b.keys; i += kVec) {
      const int64_t n = b.keys - i;
      const Vec y = n >= kVec ? load(s + i) : load_some(s + i, n);
      const Vec add = bias == nullptr ? Vec{} : n >= kVec ? load(bias + i) : load_some(bias + i, n);
      if (n >= kVec) store(s + i, fma(y, scale, add));
      else store_some(s + i, fma(y, scale, add), n);
    }
  }
}

template <bool kBf16>
static void softmax_block(const SoftmaxBlock& b) {
  const Vec c = splat(b.c);
  for (int64_t r = 0; r < b.rows; ++r) {
    const float* s = b.scores + r * b.scores_stride;
    Vec high = load(s);
    for (int64_t i = kVec; i < b.keys; i += kVec) high = max(load(s + i), high);
    const float seen = highest(high), old = b.top[r], top = seen > old ? seen : old;
    const Vec shift = splat(-top * b.c);
    auto* w = static_cast<ElementOf<kBf16>*>(b.weights) + r * b.weights_stride;
    Vec total{};
    for (int64_t i = 0; i < b.keys; i += kVec) {
      const Vec x = fma(load(s + i), c, shift);
      const Vec e = kBf16 ? exp2_short(x) : exp2(x);
      total += e;
      store(w + i, e);
    }
    float factor = 1.0f;
    if (top != old) {
      float t[kVec];
      store(t, exp2(splat((old - top) * b.c)));
      factor = t[0];
      float* o = b.outputs + r * b.outputs_stride;
      const int64_t width = b.factors ? 0 : b.outputs_width;
      for (int64_t i = 0; i < width; i += kVec) store(o + i, load(o + i) * splat(factor));
    }
    if (b.factors) b.factors[r] = factor;
    b.sum[r] = b.sum[r] * factor + sum(total);
    b.top[r] = top;
  }
}

template <class T>
static void finish_attention(const FinishAttention& f) {
  for (int64_t r = 0; r < f.rows; ++r) {
    const Vec inverse = splat(1.0f / f.sum[r]);
    const float* o = f.outputs + r * f.outputs_stride;
    T* out = static_cast<T*>(f.out) + r * f.out_stride;
    int64_t i = 0;
    for (; i + kVec <= f.columns; i += kVec) store(out + i, load(o + i) * inverse);
    if (i < f.columns) store_some(out + i, load(o + i) * inverse, f.columns - i);
  }
}

}  // namespace easel::ops::cpu::EASEL_ISA
