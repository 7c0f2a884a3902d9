// The epilogue of a product: from f32 sums to outputs, while the sums are in the L1 cache.

namespace easel::ops::cpu::EASEL_ISA {

template <class T, int kActivation, bool kGated>
static void finish_rows(const FinishTile& f) {
  const Vec scale = splat(f.scale);
  for (int64_t r = 0; r < f.rows; ++r) {
    const float* sums = f.sums + r * f.sums_stride;
    const float* extra = f.row_bias ? f.row_bias[r] : nullptr;
    T* out = static_cast<T*>(f.out) + f.out_offset[r];
    const T* residual = f.residual ? static_cast<const T*>(f.residual) + f.out_offset[r] : nullptr;
    for (int64_t c = 0; c < f.columns; c += kVec) {
      const int64_t n = f.columns - c;
      Vec y = load(sums + c) + load(f.bias + c);
      if constexpr (kGated) {
        y *= gelu(load(sums + f.gate + c) + load(f.bias + f.gate + c));
      } else {
        if (extra) y += n >= kVec ? load(extra + c) : load_some(extra + c, n);
        y = apply<kActivation>(y) * scale;
      }
      if (n >= kVec) {
        if (residual) y += load(residual + c);
        store(out + c, y);
      } else {
        if (residual) y += load_some(residual + c, n);
        store_some(out + c, y, n);
      }
    }
  }
}

template <class T>
static void finish_tile(const FinishTile& f) {
  if (f.gated) return finish_rows<T, kActNone, true>(f);
  switch (f.activation) {
    case kActSilu: return finish_rows<T, kActSilu, false>(f);
    case kActGelu: return finish_rows<T, kActGelu, false>(f);
    case kActQuickGelu: return finish_rows<T, kActQuickGelu, false>(f);
    case kActRelu: return finish_rows<T, kActRelu, false>(f);
    case kActLeakyRelu: return finish_rows<T, kActLeakyRelu, false>(f);
    default: return finish_rows<T, kActNone, false>(f);
  }
}

}  // namespace easel::ops::cpu::EASEL_ISA
