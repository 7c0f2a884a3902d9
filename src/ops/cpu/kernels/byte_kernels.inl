// Quantisation and dequantisation around 8-bit products.

namespace easel::ops::cpu::EASEL_ISA {

using BVec = uint8_t __attribute__((vector_size(kVec)));
using ShortVec = int16_t __attribute__((vector_size(kVec * 4)));

struct RowRange {
  float low, high;  // low <= 0 <= high
  bool finite;
};

// As 16-bit integers, bf16 values of one sign are ordered by magnitude; flipping the other bits of negative ones orders
// them all. NaN lies beyond the infinities.
EASEL_INLINE RowRange row_range(const uint16_t* x, int64_t n) {
  constexpr int kStep = 2 * kVec;
  ShortVec least{}, most{};
  const auto take = [&](const uint16_t* p, int64_t count) __attribute__((always_inline)) {
    ShortVec v{};
    if (count == kStep) std::memcpy(&v, p, sizeof v);
    else std::memcpy(&v, p, static_cast<size_t>(count) * 2);
    v ^= (v >> 15) & 0x7fff;
    least = v < least ? v : least;
    most = v > most ? v : most;
  };
  int64_t i = 0;
  for (; i + kStep <= n; i += kStep) take(x + i, kStep);
  if (i < n) take(x + i, n - i);
  int16_t low = 0, high = 0;
  for (int j = 0; j < kStep; ++j) {
    low = least[j] < low ? least[j] : low;
    high = most[j] > high ? most[j] : high;
  }
  const auto value = [](int16_t ordered) {
    const uint32_t bits = static_cast<uint16_t>(ordered ^ ((ordered >> 15) & 0x7fff));
    const uint32_t wide = bits << 16;
    float f;
    std::memcpy(&f, &wide, sizeof f);
    return f;
  };
  constexpr int16_t kInfinity = 0x7f80;
  return {value(low), value(high), high < kInfinity && low > ~kInfinity};
}

EASEL_INLINE RowRange row_range(const float* x, int64_t n) {
  Vec least{}, most{}, not_finite{};  // not_finite: becomes NaN if a value is infinite or NaN
  for (int64_t i = 0; i < n; i += kVec) {
    const Vec v = n - i >= kVec ? load(x + i) : load_some(x + i, n - i);
    least = min(v, least);
    most = max(v, most);
    not_finite = fma(v, splat(0.0f), not_finite);
  }
  return {-highest(-least), highest(most), sum(not_finite) == 0.0f};
}

// Adding this (1.5 * 2^23) to a number of magnitude up to 2^22 leaves the rounded number in the low bits of the sum.
constexpr float kRound = 12582912.0f;

// Quantises two vectors of bf16 at a time; returns how many values it has done.
EASEL_INLINE int64_t to_bytes(const uint16_t* x, int64_t n, Vec factor, Vec shift, uint8_t* to) {
  int64_t i = 0;
  for (; i + 2 * kVec <= n; i += 2 * kVec) {
    UVec pairs;
    std::memcpy(&pairs, x + i, sizeof pairs);
    const UVec even = (UVec)fma((Vec)(pairs << 16), factor, shift);
    const UVec odd = (UVec)fma((Vec)(pairs & 0xffff0000u), factor, shift);
    const HVec bytes = __builtin_convertvector((even & 255u) | (odd << 8), HVec);
    std::memcpy(to + i, &bytes, sizeof bytes);
  }
  return i;
}
EASEL_INLINE int64_t to_bytes(const float*, int64_t, Vec, Vec, uint8_t*) { return 0; }

template <class T>
static void quantise_rows(const QuantiseRows& q) {
  for (int64_t r = 0; r < q.rows; ++r) {
    const T* x = static_cast<const T*>(q.x) + r * q.stride;
    uint8_t* to = q.to + r * q.pitch;
    const RowRange range = row_range(x, q.depth);
    // With 253 steps every value lands within [0, 255] whichever way the zero point is rounded, so that nothing needs
    // to be clamped. The lower bound of the scale keeps its inverse finite.
    const float step = (range.high - range.low) / 253.0f, scale = step > 1e-30f ? step : 1e-30f;
    const float inverse = range.finite ? 1.0f / scale : 0.0f;
    const int32_t zero =
        range.finite ? static_cast<int32_t>(1.5f - range.low * inverse) : 0;  // an integer: x = 0 is exact
    q.scale[r] = range.finite ? scale : __builtin_nanf("");
    q.zero[r] = zero;
    const Vec shift = splat(static_cast<float>(zero) + kRound), factor = splat(inverse);
    for (int64_t i = to_bytes(x, q.depth, factor, shift, to); i < q.depth; i += kVec) {
      const int64_t n = q.depth - i;
      const Vec v = n >= kVec ? load(x + i) : load_some(x + i, n);
      const BVec bytes = __builtin_convertvector((UVec)fma(v, factor, shift), BVec);
      std::memcpy(to + i, &bytes, static_cast<size_t>(n >= kVec ? kVec : n));
    }
    if (q.pitch > q.depth) std::memset(to + q.depth, 0, static_cast<size_t>(q.pitch - q.depth));
  }
}

static void dequantise(const DequantiseTile& d) {
  for (int64_t r = 0; r < d.rows; ++r) {
    float* sums = d.sums + r * d.sums_stride;
    float* total = d.total ? d.total + r * d.sums_stride : nullptr;
    const Vec scale = splat(d.row_scale[r]);
    const int32_t zero = d.row_zero[r] - kByteShift;
    for (int64_t c = 0; c < d.columns; c += kVec) {
      IVec sum, weights;
      std::memcpy(&sum, sums + c, sizeof sum);
      std::memcpy(&weights, d.weight_sum + c, sizeof weights);
      const Vec value = __builtin_convertvector(sum - weights * zero, Vec) * (load(d.weight_scale + c) * scale);
      if (total) store(total + c, load(total + c) + value);
      else store(sums + c, value);
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
