// torch's CPU generator in a few lines, for tests of what draws from it. The real one is a layer above.
#pragma once

#include <cmath>
#include <numbers>
#include <optional>
#include <random>
#include <vector>

#include "models/vision/random_source.h"

namespace easel::models {

class TestRandom final : public RandomSource {
 public:
  void seed(uint64_t seed) override {
    engine_.seed(static_cast<uint32_t>(seed));
    spare_.reset();
  }
  void uniform(std::span<float> out) override {
    for (float& v : out) v = static_cast<float>(engine_() & 0xFFFFFFu) * 0x1p-24f;
  }
  void normal(std::span<float> out) override {
    if (out.size() < 16) {
      for (float& v : out) v = static_cast<float>(one());
      return;
    }
    uniform(out);
    for (size_t i = 0; i + 16 <= out.size(); i += 16) block(out.subspan(i, 16));
    if (out.size() % 16 == 0) return;
    uniform(out.last(16));
    block(out.last(16));
  }

 private:
  static void block(std::span<float> v) {
    for (size_t i = 0; i < 8; ++i) {
      const float radius = std::sqrt(-2.0f * std::log(1.0f - v[i]));
      const float angle = 2.0f * std::numbers::pi_v<float> * v[i + 8];
      v[i] = radius * std::cos(angle);
      v[i + 8] = radius * std::sin(angle);
    }
  }
  double one() {
    if (spare_) return *std::exchange(spare_, std::nullopt);
    const double u1 = uniform64(), u2 = uniform64(), radius = std::sqrt(-2.0 * std::log1p(-u2));
    spare_ = radius * std::sin(2.0 * std::numbers::pi * u1);
    return radius * std::cos(2.0 * std::numbers::pi * u1);
  }
  double uniform64() {
    const uint64_t high = engine_(), low = engine_();
    return static_cast<double>(((high << 32) | low) & ((uint64_t{1} << 53) - 1)) * 0x1p-53;
  }

  std::mt19937 engine_;
  std::optional<double> spare_;
};

}  // namespace easel::models
