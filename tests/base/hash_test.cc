#include "base/hash.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace easel {
namespace {

TEST(Hash64, IsFnv1aOverTexts) {
  // Values from the algorithm's description (Fowler, Noll, Vo).
  EXPECT_EQ(Hash64().value(), 0xcbf29ce484222325u);
  EXPECT_EQ(Hash64().add("a").value(), 0xaf63dc4c8601ec8cu);
  EXPECT_EQ(Hash64().add("foobar").value(), 0x85944171f73967e8u);
  EXPECT_EQ(Hash64().add("foo").add("bar").value(), Hash64().add("foobar").value());
}

TEST(Hash64, SeesEveryWord) {
  const uint64_t one = Hash64().add(uint64_t{1}).add(uint64_t{2}).value();
  EXPECT_NE(one, Hash64().add(uint64_t{2}).add(uint64_t{1}).value());
  EXPECT_NE(one, Hash64().add(uint64_t{1}).add(uint64_t{2} << 60).value());
}

TEST(HashMemory, SeesEveryBitAndTheLength) {
  for (const size_t length : {1u, 7u, 63u, 64u, 65u, 200u}) {
    std::vector<unsigned char> data(length, 0);
    const uint64_t zeros = hash_memory(data.data(), length);
    EXPECT_NE(zeros, hash_memory(data.data(), length - 1));
    for (size_t bit = 0; bit < 8 * length; ++bit) {
      data[bit / 8] = static_cast<unsigned char>(1u << bit % 8);
      EXPECT_NE(hash_memory(data.data(), length), zeros) << length << " " << bit;
      data[bit / 8] = 0;
    }
  }
}

}  // namespace
}  // namespace easel
