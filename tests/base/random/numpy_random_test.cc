#include "base/random/numpy_random.h"

#include <gtest/gtest.h>

namespace easel {
namespace {

using Words = std::vector<uint32_t>;

// numpy.random.SeedSequence(entropy, spawn_key=..., pool_size=24).generate_state(n)
TEST(SeedSequence, MatchesNumpy) {
  EXPECT_EQ(seed_sequence(0, {}, 24, 3), (Words{4025752534, 2687548107, 2326983537}));
  EXPECT_EQ(seed_sequence(3, {}, 24, 3), (Words{1578447408, 987605899, 2045978205}));
  EXPECT_EQ(seed_sequence((uint64_t{1} << 40) + 7, {}, 24, 4), (Words{3531690330, 3002667236, 1514406079, 2664012699}));
  const std::vector<uint64_t> key = {5, 3}, wide_key = {(uint64_t{1} << 33) + 1, 40};
  EXPECT_EQ(seed_sequence(12345, key, 24, 4), (Words{173650277, 1015160349, 1939661955, 1198629348}));
  EXPECT_EQ(seed_sequence(~uint64_t{0}, wide_key, 24, 4), (Words{3561550704, 159634274, 1504321185, 1375720397}));
}

// numpy.random.default_rng(seed).random()
TEST(NumpyRandom, MatchesNumpy) {
  EXPECT_EQ(NumpyRandom(0).uniform(), 0.6369616873214543);
  NumpyRandom random(42);
  EXPECT_EQ(random.uniform(), 0.7739560485559633);
  EXPECT_EQ(random.uniform(), 0.4388784397520523);
  NumpyRandom seven(7);
  for (const double expected : {0.625095466604667, 0.8972138009695755, 0.7756856902451935})
    EXPECT_EQ(seven.uniform(), expected);
  EXPECT_EQ(NumpyRandom((uint64_t{1} << 40) + 5).uniform(), 0.004739459374490829);
}

}  // namespace
}  // namespace easel
