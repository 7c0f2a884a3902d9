#include "base/random/numpy_random.h"

#include <algorithm>
#include <array>
#include <bit>

namespace easel {
namespace {

void append_words(uint64_t value, std::vector<uint32_t>& words) {
  do {
    words.push_back(static_cast<uint32_t>(value));
    value >>= 32;
  } while (value != 0);
}

// The hash of SeedSequence: its multiplier changes with every use.
class WordHash {
 public:
  WordHash(uint32_t start, uint32_t step) : constant_(start), step_(step) {}
  uint32_t operator()(uint32_t word) {
    word ^= constant_;
    constant_ *= step_;
    word *= constant_;
    return word ^ (word >> 16);
  }

 private:
  uint32_t constant_, step_;
};

uint32_t mix(uint32_t x, uint32_t y) {
  const uint32_t mixed = 0xca01f9ddu * x - 0x4973f715u * y;
  return mixed ^ (mixed >> 16);
}

// Four numbers of 64 bits, of two words each, the low one first.
std::array<uint64_t, 4> wide_words(uint64_t seed) {
  std::array<uint64_t, 4> out{};
  const std::vector<uint32_t> words = seed_sequence(seed, {}, out.size(), 2 * out.size());
  for (size_t i = 0; i < words.size(); ++i) out[i / 2] |= uint64_t{words[i]} << (i % 2 ? 32 : 0);
  return out;
}

}  // namespace

std::vector<uint32_t> seed_sequence(uint64_t entropy, std::span<const uint64_t> spawn_key, size_t pool_size,
                                    size_t words) {
  std::vector<uint32_t> input;
  append_words(entropy, input);
  if (!spawn_key.empty()) input.resize(std::max(input.size(), pool_size));
  for (uint64_t key : spawn_key) append_words(key, input);

  std::vector<uint32_t> pool(pool_size);
  WordHash absorb(0x43b0d7e5u, 0x931e8875u);
  for (size_t i = 0; i < pool_size; ++i) pool[i] = absorb(i < input.size() ? input[i] : 0);
  for (size_t from = 0; from < pool_size; ++from) {
    for (size_t to = 0; to < pool_size; ++to) {
      if (from != to) pool[to] = mix(pool[to], absorb(pool[from]));
    }
  }
  for (size_t from = pool_size; from < input.size(); ++from) {
    for (uint32_t& word : pool) word = mix(word, absorb(input[from]));
  }

  WordHash squeeze(0x8b51f9ddu, 0x58f38dedu);
  std::vector<uint32_t> out(words);
  for (size_t i = 0; i < words; ++i) out[i] = squeeze(pool[i % pool_size]);
  return out;
}

NumpyRandom::NumpyRandom(uint64_t seed) {
  const std::array<uint64_t, 4> words = wide_words(seed);
  increment_ = (Wide{words[2]} << 64 | words[3]) << 1 | 1;
  step();
  state_ += Wide{words[0]} << 64 | words[1];
  step();
}

void NumpyRandom::step() {
  constexpr Wide kFactor = Wide{0x2360ED051FC65DA4} << 64 | 0x4385DF649FCCF645;
  state_ = state_ * kFactor + increment_;
}

double NumpyRandom::uniform() {
  step();
  constexpr int kTurnBits = 122, kDropped = 11;  // the highest six bits say how far the others are turned
  const uint64_t mixed = static_cast<uint64_t>(state_ >> 64) ^ static_cast<uint64_t>(state_);
  return static_cast<double>(std::rotr(mixed, static_cast<int>(state_ >> kTurnBits)) >> kDropped) * 0x1p-53;
}

}  // namespace easel
