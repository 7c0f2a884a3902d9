// Normalisation: statistics and their application, over rows of channels.

namespace easel::ops::cpu::EASEL_ISA {

// Rows in an f32 partial sum: few enough for f32 to be accurate. Partial sums are added in f64.
constexpr int64_t kStatRows = 64;

template <class T>
static void norm_sums(const NormSums& s) {
  const auto* x = static_cast<const T*>(s.x);
  for (int64_t first = 0; first < s.rows; first += kStatRows) {
    const int64_t rows = s.rows - first < kStatRows ? s.rows - first : kStatRows;
    const T* block = x + first * s.channels;
    for (int64_t c = 0; c < s.channels; c += kVec) {
      const int64_t n = s.channels - c;
      const bool whole = n >= kVec;
      const Vec shift = whole ? load(s.shift + c) : load_some(s.shift + c, n);
      Vec sum0{}, sum1{}, square0{}, square1{};
      int64_t r = 0;
      if (whole) {
        for (; r + 2 <= rows; r += 2) {
          const Vec a = load(block + r * s.channels + c) - shift, b = load(block + (r + 1) * s.channels + c) - shift;
          sum0 += a;
          square0 = fma(a, a, square0);
          sum1 += b;
          square1 = fma(b, b, square1);
        }
      }
      for (; r < rows; ++r) {
        const T* at = block + r * s.channels + c;
        const Vec a = (whole ? load(at) : load_some(at, n)) - shift;
        sum0 += a;
        square0 = fma(a, a, square0);
      }
      float sums[kVec], squares[kVec];
      store(sums, sum0 + sum1);
      store(squares, square0 + square1);
      for (int64_t i = 0; i < kVec && i < n; ++i) {
        s.sums[c + i] += static_cast<double>(sums[i]);
        s.squares[c + i] += static_cast<double>(squares[i]);
      }
    }
  }
}

template <class T, class Out, bool kSilu>
static void norm_rows(const NormApply& a) {
  for (int64_t r = 0; r < a.rows; ++r) {
    const T* x = static_cast<const T*>(a.x) + r * a.channels;
    Out* out = static_cast<Out*>(a.out) + r * a.channels;
    int64_t c = 0;
    for (; c + kVec <= a.channels; c += kVec) {
      Vec y = fma(load(x + c) - load(a.mean + c), load(a.scale + c), load(a.shift + c));
      if constexpr (kSilu) y = swish(y, 1.0f);
      store(out + c, y);
    }
    if (c < a.channels) {
      const int64_t n = a.channels - c;
      Vec y = fma(load_some(x + c, n) - load_some(a.mean + c, n), load_some(a.scale + c, n), load_some(a.shift + c, n));
      if constexpr (kSilu) y = swish(y, 1.0f);
      store_some(out + c, y, n);
    }
  }
}

template <class T, class Out>
static void norm_apply(const NormApply& a) {
  if (a.silu) norm_rows<T, Out, true>(a);
  else norm_rows<T, Out, false>(a);
}

// Two passes over each row, which stays in the L1 cache.
template <class T, class Out>
static void layer_norm(const LayerNormRows& l) {
  const int64_t c = l.channels, whole = c / kVec * kVec, rest = c - whole;
  for (int64_t r = 0; r < l.rows; ++r) {
    const T* x = static_cast<const T*>(l.x) + r * l.stride;
    Out* out = static_cast<Out*>(l.out) + r * c;
    Vec total0{}, total1{};
    int64_t i = 0;
    for (; i + 2 * kVec <= whole; i += 2 * kVec) {
      total0 += load(x + i);
      total1 += load(x + i + kVec);
    }
    for (; i < whole; i += kVec) total0 += load(x + i);
    if (rest > 0) total0 += load_some(x + whole, rest);
    const float mean = sum(total0 + total1) / static_cast<float>(c);
    Vec square0{}, square1{};
    for (i = 0; i + 2 * kVec <= whole; i += 2 * kVec) {
      const Vec a = load(x + i) - splat(mean), b = load(x + i + kVec) - splat(mean);
      square0 = fma(a, a, square0);
      square1 = fma(b, b, square1);
    }
    for (; i < whole; i += kVec) {
      const Vec a = load(x + i) - splat(mean);
      square0 = fma(a, a, square0);
    }
    float variance = sum(square0 + square1);
    for (i = whole; i < c; ++i) {
      float t[kVec];
      store(t, load_some(x + i, 1));
      variance += (t[0] - mean) * (t[0] - mean);
    }
    const float inverse = 1.0f / __builtin_sqrtf(variance / static_cast<float>(c) + l.eps);
    for (i = 0; i < whole; i += kVec) {
      Vec y = (load(x + i) - splat(mean)) * splat(inverse);
      if (l.weight) y *= load(l.weight + i);
      if (l.bias) y += load(l.bias + i);
      store(out + i, y);
    }
    if (rest > 0) {
      Vec y = (load_some(x + whole, rest) - splat(mean)) * splat(inverse);
      if (l.weight) y *= load_some(l.weight + whole, rest);
      if (l.bias) y += load_some(l.bias + whole, rest);
      store_some(out + whole, y, rest);
    }
  }
}

}  // namespace easel::ops::cpu::EASEL_ISA
