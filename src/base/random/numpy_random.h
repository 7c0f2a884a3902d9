// Random numbers as NumPy draws them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace easel {

// numpy's SeedSequence (O'Neill's seed_seq with a pool of `pool_size` words): `words` 32-bit numbers for an
// entropy and a spawn key. Source: numpy.random.SeedSequence, NEP 19.
std::vector<uint32_t> seed_sequence(uint64_t entropy, std::span<const uint64_t> spawn_key, size_t pool_size,
                                    size_t words);

// numpy.random.default_rng(seed): PCG64 (O'Neill 2014), seeded by way of SeedSequence.
class NumpyRandom {
 public:
  explicit NumpyRandom(uint64_t seed);
  // random(): in [0, 1), of 53 bits.
  double uniform();

 private:
  __extension__ using Wide = unsigned __int128;
  void step();

  Wide state_ = 0, increment_ = 0;
};

}  // namespace easel
