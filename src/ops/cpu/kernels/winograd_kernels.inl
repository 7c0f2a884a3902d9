// Winograd's transforms for F(2x2, 3x3): sixteen products per channel instead of thirty-six for 2x2 outputs of a 3x3
// window. Lavin & Gray 2016, section 4.1; everything here is in f32.

namespace easel::ops::cpu::EASEL_ISA {

// Rows of B^T applied to four values: (a - c, b + c, c - b, b - d).
EASEL_INLINE void transform4(const Vec d[4], Vec out[4]) {
  out[0] = d[0] - d[2];
  out[1] = d[1] + d[2];
  out[2] = d[2] - d[1];
  out[3] = d[1] - d[3];
}

template <class T>
EASEL_INLINE Vec load_part(const T* p, int64_t n) {
  return n >= kVec ? load(p) : load_some(p, n);
}

template <class T>
EASEL_INLINE void store_part(T* p, Vec v, int64_t n) {
  if (n >= kVec) store(p, v);
  else store_some(p, v, n);
}

// Neighbouring tiles of a line share two columns, which are transformed once.
template <class T>
static void winograd_input(const WinogradInput& w) {
  const auto* in = static_cast<const T*>(w.in);
  auto* out = static_cast<T*>(w.out);
  for (int64_t c = 0; c < w.channels; c += kVec) {
    const int64_t n = w.channels - c;
    Vec columns[4][4];  // [column][transformed row]
    const auto column = [&](int64_t x, Vec * to) __attribute__((always_inline)) {
      Vec d[4];
      for (int r = 0; r < 4; ++r) d[r] = load_part(in + r * w.row + x * w.channels + c, n);
      transform4(d, to);
    };
    column(0, columns[2]);
    column(1, columns[3]);
    for (int64_t t = 0; t < w.tiles; ++t) {
      for (int r = 0; r < 4; ++r) {
        columns[0][r] = columns[2][r];
        columns[1][r] = columns[3][r];
      }
      column(2 * t + 2, columns[2]);
      column(2 * t + 3, columns[3]);
      T* to = out + t * w.pitch + c;
      for (int r = 0; r < 4; ++r) {
        const Vec d[4] = {columns[0][r], columns[1][r], columns[2][r], columns[3][r]};
        Vec v[4];
        transform4(d, v);
        for (int k = 0; k < 4; ++k) store_part(to + (4 * r + k) * w.plane, v[k], n);
      }
    }
  }
}

// A^T M A: the four outputs of a tile as sums and differences of its sixteen products.
static void winograd_output(const WinogradOutput& w) {
  for (int64_t t = 0; t < w.tiles; ++t)
    for (int64_t c = 0; c < w.columns; c += kVec) {
      const float* in = w.in + t * w.pitch + c;
      Vec high[4], low[4];
      for (int k = 0; k < 4; ++k) {
        const Vec a = load(in + k * w.plane), b = load(in + (4 + k) * w.plane);
        const Vec d = load(in + (8 + k) * w.plane), e = load(in + (12 + k) * w.plane);
        high[k] = a + b + d;
        low[k] = b - d - e;
      }
      float* const out = w.out + c;
      store(out + w.rows[4 * t] * w.pitch, high[0] + high[1] + high[2]);
      store(out + w.rows[4 * t + 1] * w.pitch, high[1] - high[2] - high[3]);
      store(out + w.rows[4 * t + 2] * w.pitch, low[0] + low[1] + low[2]);
      store(out + w.rows[4 * t + 3] * w.pitch, low[1] - low[2] - low[3]);
    }
}

}  // namespace easel::ops::cpu::EASEL_ISA
