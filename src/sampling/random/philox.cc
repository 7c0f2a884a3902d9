#include "sampling/random/philox.h"

#include <array>
#include <cmath>
#include <vector>

#include "sampling/random/torch_random.h"

namespace easel::sampling {
namespace {

using Words = std::array<uint32_t, 4>;

// Ten rounds on a counter; the key grows by the golden ratio and the square root of 3 less 1, as in the paper.
Words philox(Words counter, uint64_t seed) {
  auto low = static_cast<uint32_t>(seed), high = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{counter[0]} * 0xD2511F53u, b = uint64_t{counter[2]} * 0xCD9E8D57u;
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ low, static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ high, static_cast<uint32_t>(a)};
    low += 0x9E3779B9u;
    high += 0xBB67AE85u;
  }
  return counter;
}

}  // namespace

void philox_randn(uint64_t seed, std::span<float> out, uint32_t before) {
  constexpr double kStep = 2.3283064e-10, kAngle = 2.3283064e-10 * 6.2831855;  // curand's constants
  for (size_t i = 0; i < out.size(); ++i) {
    const Words g = philox({before, 0, static_cast<uint32_t>(i), static_cast<uint32_t>(uint64_t{i} >> 32)}, seed);
    const double u = g[0] * kStep + kStep / 2, v = g[1] * kAngle + kAngle / 2;
    out[i] = static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::sin(v));
  }
}

Tensor philox_randn(uint64_t seed, const Shape& shape, uint32_t before) {
  std::vector<float> values(static_cast<size_t>(shape.numel()));
  philox_randn(seed, values, before);
  return from_torch_order(values, shape);
}

}  // namespace easel::sampling
