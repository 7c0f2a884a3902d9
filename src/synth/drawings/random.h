// The random numbers of a drawing. They use integer arithmetic only, so that they are the same on every machine.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <iterator>

namespace easel::synth {

class Random {
 public:
  // Each picture has an independent stream of the seed.
  Random(uint64_t seed, uint64_t stream) : state_(mixed(seed) ^ mixed(stream * 0x9E3779B97F4A7C15ull + 1)) {}

  uint64_t bits() { return mixed(state_ += 0x9E3779B97F4A7C15ull); }
  // 0 to below 1.
  float unit() { return static_cast<float>(bits() >> 40) * 0x1p-24f; }
  float real(float from, float to) { return from + (to - from) * unit(); }
  // 0 to count - 1; count > 0.
  int index(int count) { return static_cast<int>((bits() >> 33) % static_cast<uint64_t>(count)); }
  int whole(int from, int to) { return from + index(to - from + 1); }
  bool chance(float of) { return unit() < of; }

  template <class T>
  T pick(std::initializer_list<T> from) {
    return *std::next(from.begin(), index(static_cast<int>(from.size())));
  }

 private:
  static uint64_t mixed(uint64_t z) {  // splitmix64's finaliser
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
  }

  uint64_t state_;
};

}  // namespace easel::synth
