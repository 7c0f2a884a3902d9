#include "image/hints/shuffle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "base/cancel.h"
#include "base/parallel.h"

namespace easel::image {
namespace {

// Words of 32 bits that a seed is spread over, and drawn from again (O'Neill's seed_seq_fe, as NumPy has it).
class SeedWords {
 public:
  explicit SeedWords(uint64_t seed) {
    const std::array<uint32_t, 2> entropy{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
    const size_t given = entropy[1] == 0 ? 1 : 2;
    for (size_t i = 0; i < pool_.size(); ++i) pool_[i] = hashed(i < given ? entropy[i] : 0);
    for (size_t from = 0; from < pool_.size(); ++from)
      for (size_t to = 0; to < pool_.size(); ++to)
        if (from != to) pool_[to] = mixed(pool_[to], hashed(pool_[from]));
  }

  std::array<uint64_t, 4> drawn() const {
    constexpr uint32_t kFirst = 0x8b51f9dd, kFactor = 0x58f38ded;
    std::array<uint32_t, 8> words{};
    uint32_t factor = kFirst;
    for (size_t i = 0; i < words.size(); ++i) {
      uint32_t v = pool_[i % pool_.size()] ^ factor;
      factor *= kFactor;
      v *= factor;
      words[i] = v ^ (v >> 16);
    }
    std::array<uint64_t, 4> out{};
    for (size_t i = 0; i < out.size(); ++i) out[i] = words[2 * i] | uint64_t{words[2 * i + 1]} << 32;
    return out;
  }

 private:
  uint32_t hashed(uint32_t v) {
    constexpr uint32_t kFactor = 0x931e8875;
    v ^= factor_;
    factor_ *= kFactor;
    v *= factor_;
    return v ^ (v >> 16);
  }
  static uint32_t mixed(uint32_t a, uint32_t b) {
    constexpr uint32_t kLeft = 0xca01f9dd, kRight = 0x4973f715;
    const uint32_t v = kLeft * a - kRight * b;
    return v ^ (v >> 16);
  }

  uint32_t factor_ = 0x43b0d7e5;
  std::array<uint32_t, 4> pool_{};
};

struct CubicTaps {
  int64_t first = 0;
  std::array<float, 4> weights{};
};

CubicTaps cubic_taps(int64_t i, double scale) {
  constexpr float kA = -0.75f;
  const auto at = static_cast<float>((static_cast<double>(i) + 0.5) * scale - 0.5);
  const auto floor = static_cast<int64_t>(std::floor(at));
  const float x = at - static_cast<float>(floor);
  const float w0 = ((kA * (x + 1) - 5 * kA) * (x + 1) + 8 * kA) * (x + 1) - 4 * kA;
  const float w1 = ((kA + 2) * x - (kA + 3)) * x * x + 1;
  const float w2 = ((kA + 2) * (1 - x) - (kA + 3)) * (1 - x) * (1 - x) + 1;
  return {floor - 1, {w0, w1, w2, 1.0f - w0 - w1 - w2}};
}

// Smooth noise from 0 to 1, with a random value every kCell pixels.
ClaimedVector<double> smooth_noise(int64_t height, int64_t width, NumpyRandom& random) {
  constexpr int64_t kCell = 256;
  const int64_t rows = height / kCell + 2, columns = width / kCell + 2;
  std::vector<double> values(static_cast<size_t>(rows * columns));
  for (double& v : values) v = random.uniform();
  const auto scale = [](int64_t from, int64_t to) {
    return 1.0 / (static_cast<double>(to) / static_cast<double>(from));
  };
  const double down = scale(rows, height + 2 * kCell), across = scale(columns, width + 2 * kCell);
  ClaimedVector<double> out(static_cast<size_t>(height * width));
  parallel_for(height, 16, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y) {
      const CubicTaps vertical = cubic_taps(y + kCell, down);
      for (int64_t x = 0; x < width; ++x) {
        const CubicTaps horizontal = cubic_taps(x + kCell, across);
        double sum = 0;
        for (int64_t r = 0; r < 4; ++r) {
          const int64_t row = std::clamp<int64_t>(vertical.first + r, 0, rows - 1);
          double line = 0;
          for (int64_t k = 0; k < 4; ++k) {
            const int64_t column = std::clamp<int64_t>(horizontal.first + k, 0, columns - 1);
            line += values[static_cast<size_t>(row * columns + column)] *
                    static_cast<double>(horizontal.weights[static_cast<size_t>(k)]);
          }
          sum += line * static_cast<double>(vertical.weights[static_cast<size_t>(r)]);
        }
        out[static_cast<size_t>(y * width + x)] = sum;
      }
    }
  });
  const auto [least, most] = std::minmax_element(out.begin(), out.end());
  const double low = *least, range = *most - low;
  for (double& v : out) v = (v - low) / range;
  return out;
}

}  // namespace

NumpyRandom::NumpyRandom(uint64_t seed) {
  const auto words = SeedWords(seed).drawn();
  increment_ = ((Wide{words[2]} << 64 | words[3]) << 1) | 1;
  state_ = 0;
  next();
  state_ += Wide{words[0]} << 64 | words[1];
  next();
}

uint64_t NumpyRandom::next() {
  constexpr Wide kFactor = Wide{2549297995355413924ULL} << 64 | 4865540595714422341ULL;
  constexpr int kRotation = 122;  // bits below the ones that say how far the others are turned
  state_ = state_ * kFactor + increment_;
  const auto folded = static_cast<uint64_t>(state_ >> 64) ^ static_cast<uint64_t>(state_);
  return std::rotr(folded, static_cast<int>(state_ >> kRotation));
}

double NumpyRandom::uniform() {
  constexpr int kDropped = 11;
  return static_cast<double>(next() >> kDropped) * 0x1p-53;
}

BytePicture shuffled(const BytePicture& picture, uint64_t seed) {
  const int64_t height = picture.height, width = picture.width;
  NumpyRandom random(seed);
  const ClaimedVector<double> across = smooth_noise(height, width, random), down = smooth_noise(height, width, random);
  constexpr int kBits = 5, kParts = 1 << kBits;  // of a pixel
  BytePicture out(height, width, picture.channels);
  parallel_for(height, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin * width; i < end * width; ++i) {
      const auto place = [&](const ClaimedVector<double>& noise, int64_t size) {
        const auto at = static_cast<float>(noise[static_cast<size_t>(i)] * static_cast<double>(size - 1));
        return static_cast<int64_t>(std::nearbyint(at * static_cast<float>(kParts)));
      };
      const int64_t x = place(across, width), y = place(down, height);
      const int right = static_cast<int>(x % kParts), below = static_cast<int>(y % kParts);
      const auto value = [&](int64_t dy, int64_t dx, int64_t c) {
        const int64_t r = (y >> kBits) + dy, k = (x >> kBits) + dx;
        return r < height && k < width ? static_cast<int>(picture.at(r, k)[c]) : 0;
      };
      for (int64_t c = 0; c < picture.channels; ++c) {
        const int sum = value(0, 0, c) * (kParts - right) * (kParts - below) +
                        value(0, 1, c) * right * (kParts - below) + value(1, 0, c) * (kParts - right) * below +
                        value(1, 1, c) * right * below;
        out.at(i / width, i % width)[c] = static_cast<uint8_t>((sum + kParts * kParts / 2) >> (2 * kBits));
      }
    }
  });
  return out;
}

}  // namespace easel::image
