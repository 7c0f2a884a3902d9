// Values as bytes and back: what surrounds a product of 8-bit integers.

namespace easel::ops::cpu::EASEL_ISA {

using BVec = uint8_t __attribute__((vector_size(kVec)));

EASEL_INLINE float lowest(Vec v) { return -highest(-v); }

// The smallest and largest of a row and zero, and whether all of it is finite.
template <class T>
EASEL_INLINE bool row_range(const T* x, int64_t n, float* low, float* high) {
  Vec least[2] = {}, most[2] = {}, odd[2] = {};  // odd: not zero once a value is no number or infinite
  const auto take = [&](Vec v, int i) __attribute__((always_inline)) {
    least[i] = min(v, least[i]);
    most[i] = max(v, most[i]);
    odd[i] = fma(v, splat(0.0f), odd[i]);
  };
  int64_t i = 0;
  for (; i + 2 * kVec <= n; i += 2 * kVec) {
    take(load(x + i), 0);
    take(load(x + i + kVec), 1);
  }
  for (; i < n; i += kVec) take(n - i >= kVec ? load(x + i) : load_some(x + i, n - i), 0);
  *low = lowest(min(least[0], least[1]));
  *high = highest(max(most[0], most[1]));
  return sum(odd[0] + odd[1]) == 0.0f;
}

template <class T>
static void quantise_rows(const QuantiseRows& q) {
  for (int64_t r = 0; r < q.rows; ++r) {
    const T* x = static_cast<const T*>(q.x) + r * q.stride;
    uint8_t* to = q.to + r * q.pitch;
    float low = 0, high = 0;
    const bool finite = row_range(x, q.depth, &low, &high);
    // The smallest step keeps its inverse finite.
    const float step = (high - low) * (1.0f / 255.0f), scale = step > 1e-30f ? step : 1e-30f;
    const float inverse = finite ? 1.0f / scale : 0.0f;
    // A whole number, so that zeros are exact.
    const int32_t zero = static_cast<int32_t>(-low * inverse + 0.5f);
    q.scale[r] = finite ? scale : __builtin_nanf("");
    q.zero[r] = zero;
    const Vec shift = splat(static_cast<float>(zero)), factor = splat(inverse);
    for (int64_t i = 0; i < q.depth; i += kVec) {
      const int64_t n = q.depth - i;
      const Vec v = n >= kVec ? load(x + i) : load_some(x + i, n);
      // In this order what is no number becomes zero.
      const Vec whole = round_whole(min(max(fma(v, factor, shift), splat(0.0f)), splat(255.0f)));
      const BVec bytes = __builtin_convertvector(__builtin_convertvector(whole, IVec), BVec);
      std::memcpy(to + i, &bytes, static_cast<size_t>(n >= kVec ? kVec : n));
    }
    if (q.pitch > q.depth) std::memset(to + q.depth, 0, static_cast<size_t>(q.pitch - q.depth));
  }
}

static void dequantise(const DequantiseTile& d) {
  for (int64_t r = 0; r < d.rows; ++r) {
    float* sums = d.sums + r * d.sums_stride;
    const Vec scale = splat(d.row_scale[r]);
    const int32_t zero = d.row_zero[r];
    for (int64_t c = 0; c < d.columns; c += kVec) {
      IVec sum, weights;
      std::memcpy(&sum, sums + c, sizeof sum);
      std::memcpy(&weights, d.weight_sum + c, sizeof weights);
      store(sums + c, __builtin_convertvector(sum - weights * zero, Vec) * (load(d.weight_scale + c) * scale));
    }
  }
}

static void pack_bytes(const PackBytes& p) {
  const int64_t lanes = (p.depth + 3) / 4;
  for (int64_t tap = 0; tap < p.taps; ++tap)
    for (int64_t c = 0; c < p.width; c += kVec) {
      const float* from = p.from + tap * p.depth * p.width + c;
      Vec most{};
      for (int64_t k = 0; k < p.depth; ++k) {
        const Vec v = load(from + k * p.width);
        most = max(max(v, -v), most);
      }
      const Vec scale = max(most * splat(1.0f / 127.0f), splat(1e-30f)), inverse = splat(1.0f) / scale;
      IVec sum{};
      for (int64_t lane = 0; lane < lanes; ++lane) {
        UVec bytes{};
        for (int64_t i = 0; i < 4 && 4 * lane + i < p.depth; ++i) {
          const Vec v = load(from + (4 * lane + i) * p.width) * inverse;
          const Vec whole = round_whole(min(max(v, splat(-127.0f)), splat(127.0f)));
          const IVec byte = __builtin_convertvector(whole, IVec);
          sum += byte;
          bytes |= ((UVec)byte & 255u) << static_cast<uint32_t>(8 * i);
        }
        store(p.to + (tap * lanes + lane) * p.width + c, (Vec)bytes);
      }
      store(p.scale + tap * p.scale_pitch + c, scale);
      std::memcpy(p.sum + tap * p.scale_pitch + c, &sum, sizeof sum);
    }
}

}  // namespace easel::ops::cpu::EASEL_ISA
