// Pointwise arithmetic over runs of values.

namespace easel::ops::cpu::EASEL_ISA {

// out[i] = f(x[i]) for a run of n values, one vector at a time.
template <class T, class F>
EASEL_INLINE void each(const T* x, T* out, int64_t n, F f) {
  int64_t i = 0;
  for (; i + kVec <= n; i += kVec) store(out + i, f(load(x + i)));
  if (i < n) store_some(out + i, f(load_some(x + i, n - i)), n - i);
}

template <class T, class F>
EASEL_INLINE void each_pair(const ZipRun& z, F f) {
  const auto *a = static_cast<const T*>(z.a), *b = static_cast<const T*>(z.b);
  auto* out = static_cast<T*>(z.out);
  if (z.b_single) {
    float t[kVec];
    store(t, load_some(b, 1));
    return each(
        a, out, z.count, [ f, one = splat(t[0]) ](Vec x) __attribute__((always_inline)) { return f(x, one); });
  }
  int64_t i = 0;
  for (; i + kVec <= z.count; i += kVec) store(out + i, f(load(a + i), load(b + i)));
  if (i < z.count) store_some(out + i, f(load_some(a + i, z.count - i), load_some(b + i, z.count - i)), z.count - i);
}

template <class T>
static void zip(const ZipRun& z) {
  const Vec factor = splat(z.factor);
  switch (z.op) {
    case ZipOp::kAdd:
      return each_pair<T>(
          z, [factor](Vec x, Vec y) __attribute__((always_inline)) { return x + factor * y; });
    case ZipOp::kMul:
      return each_pair<T>(
          z, [](Vec x, Vec y) __attribute__((always_inline)) { return x * y; });
    case ZipOp::kLerp:
      return each_pair<T>(
          z, [factor](Vec x, Vec y) __attribute__((always_inline)) { return x + (y - x) * factor; });
  }
}

template <class T>
static void map(const MapRun& m) {
  const auto* x = static_cast<const T*>(m.x);
  auto* out = static_cast<T*>(m.out);
  const Vec scale = splat(m.scale), shift = splat(m.shift);
  switch (m.activation) {
    case kActSilu: return each(x, out, m.count, apply<kActSilu>);
    case kActGelu: return each(x, out, m.count, apply<kActGelu>);
    case kActQuickGelu: return each(x, out, m.count, apply<kActQuickGelu>);
    case kActRelu: return each(x, out, m.count, apply<kActRelu>);
    case kActLeakyRelu: return each(x, out, m.count, apply<kActLeakyRelu>);
    default:
      return each(
          x, out, m.count, [ scale, shift ](Vec v) __attribute__((always_inline)) { return v * scale + shift; });
  }
}

}  // namespace easel::ops::cpu::EASEL_ISA
