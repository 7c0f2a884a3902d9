// Random numbers equal to those of Python's module random, for nodes whose originals choose by it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "sampling/random/torch_random.h"

namespace easel::sampling {

// random.Random(seed) for an integer seed from 0 on. Not thread-safe.
class PythonRandom {
 public:
  explicit PythonRandom(uint64_t seed) { twister_.seed_by_array(seed); }

  // random.random(): [0, 1), 53 bits.
  double random();
  // random.uniform(a, b).
  double uniform(double a, double b) { return a + (b - a) * random(); }
  // random.randint(a, b): both ends count. `a` must not be above `b`.
  int64_t randint(int64_t a, int64_t b);
  // The index that random.choice takes of so many, at least one.
  size_t choice(size_t count) { return static_cast<size_t>(below(count)); }
  // random.shuffle.
  template <class T>
  void shuffle(std::vector<T>& list) {
    for (size_t i = list.size(); i-- > 1;) std::swap(list[i], list[choice(i + 1)]);
  }

 private:
  // random._randbelow: bits are drawn until the number is small enough.
  uint64_t below(uint64_t count);

  TorchGenerator twister_;
};

}  // namespace easel::sampling
