#include "sampling/random/torch_math.h"

#include <bit>
#include <cstdint>
#include <initializer_list>
#include <limits>

namespace easel::sampling {
namespace {

// An unevaluated sum of two floats.
struct TwoFloat {
  float high, low;
};

// Exact for any a and b (Knuth).
TwoFloat two_sum(float a, float b) {
  const float sum = a + b;
  const float part = sum - a;
  return {sum, (a - (sum - part)) + (b - part)};
}

TwoFloat divide(const TwoFloat& n, const TwoFloat& d) {
  const float reciprocal = 1.0f / d.high;
  const float quotient = n.high * reciprocal;
  const float rounding = std::fma(reciprocal, n.high, -quotient);
  const float correction = std::fma(-d.low, reciprocal, std::fma(-d.high, reciprocal, 1.0f));
  return {quotient, std::fma(quotient, correction, std::fma(n.low, reciprocal, rounding))};
}

float with_sign(float value, uint32_t sign) { return std::bit_cast<float>(std::bit_cast<uint32_t>(value) ^ sign); }

}  // namespace

float torch_exp(float x) {
  if (!(x < 88.72283f)) return x > 0 ? std::numeric_limits<float>::infinity() : x;
  if (x < -104.0f) return 0.0f;
  const float q = std::rint(x * 1.44269504f);
  float r = std::fma(q, -0.693145751953125f, x);
  r = std::fma(q, -1.42860677e-06f, r);
  float p = 1.98527618e-4f;
  for (const float c : {1.39304355e-3f, 8.33336078e-3f, 4.16664854e-2f, 0.166666672f, 0.5f}) p = std::fma(p, r, c);
  p = 1.0f + std::fma(r * r, p, r);
  return std::ldexp(p, static_cast<int>(q));
}

float torch_log(float x) {
  if (!(x > 0)) return x == 0 ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  if (std::isinf(x)) return x;
  const int exponent = std::ilogb(x * (1 / 0.75f));
  const float m = std::ldexp(x, -exponent);  // in [0.75, 1.5)
  const TwoFloat t = divide(two_sum(-1.0f, m), two_sum(1.0f, m));
  const float t2 = t.high * t.high;
  const float series = std::fma(std::fma(0.302729487f, t2, 0.399610817f), t2, 0.666669488f);
  // exponent * ln 2 + 2 t + t^3 * series, summed from the largest term down, with the low parts carried along.
  const auto e = static_cast<float>(exponent);
  const float ln2 = 0.693147182f, ln2_low = -1.90465432e-09f;
  const float scale = ln2 * e;
  const float scale_low = std::fma(ln2_low, e, std::fma(ln2, e, -scale));
  float high = scale + t.high * 2;
  float low = ((scale - high) + t.high * 2) + scale_low + t.low * 2;
  const float cubic = t2 * t.high * series;
  const float sum = high + cubic;
  low = (high - sum) + cubic + low;
  high = sum;
  return high + low;
}

float normal_log(float u) {
  const auto bits = std::bit_cast<uint32_t>(u);
  auto e = static_cast<float>(static_cast<int>(bits >> 23) - 126);
  float m = std::bit_cast<float>((bits & 0x807fffffu) | 0x3f000000u);  // in [0.5, 1)
  if (m < 0.707106781f) {
    e -= 1.0f;
    m = m - 1.0f + m;
  } else {
    m -= 1.0f;
  }
  const float z = m * m;
  float p = 7.0376836292e-2f;
  for (const float c : {-1.1514610310e-1f, 1.1676998740e-1f, -1.2420140846e-1f, 1.4249322787e-1f, -1.6668057665e-1f,
                        2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f}) {
    p = std::fma(p, m, c);
  }
  p = std::fma(p * m, z, e * -2.12194440e-4f) - z * 0.5f;
  return std::fma(e, 0.693359375f, m + p);
}

void normal_sincos(float angle, float* sine, float* cosine) {
  // The octant, rounded up to an even one; its multiple of pi/4 is subtracted in three parts.
  const int octant = (static_cast<int>(angle * 1.27323954f) + 1) & ~1;
  const auto k = static_cast<float>(octant);
  float r = std::fma(k, -0.78515625f, angle);
  r = std::fma(k, -2.4187564849853515625e-4f, r);
  r = std::fma(k, -3.77489497744594108e-8f, r);
  const float z = r * r;
  float c = std::fma(2.443315711809948e-5f, z, -1.388731625493765e-3f);
  c = std::fma(c, z, 4.166664568298827e-2f) * z;
  c = std::fma(c, z, -(z * 0.5f)) + 1.0f;
  float s = std::fma(-1.9515295891e-4f, z, 8.3321608736e-3f);
  s = std::fma(s, z, -1.6666654611e-1f) * z;
  s = std::fma(s, r, r);
  const bool swap = (octant & 2) != 0;
  *sine = with_sign(swap ? c : s, (static_cast<uint32_t>(octant) & 4u) << 29);
  *cosine = with_sign(swap ? s : c, (~static_cast<uint32_t>(octant - 2) & 4u) << 29);
}

}  // namespace easel::sampling
