#include "tensor/memory_guard.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/error.h"
#include "tensor/host_memory.h"
#include "tensor/tensor.h"

namespace easel {
namespace {

// Writes down what it is asked for, and refuses what is above `most`.
class Asked final : public MemoryGuard {
 public:
  explicit Asked(size_t most = SIZE_MAX) : most_(most) {}
  void before(size_t bytes) override {
    asked.push_back(bytes);
    if (!make_room(bytes)) throw Error(Fault::kMemory, "too much");
  }
  bool make_room(size_t bytes) override { return bytes <= most_; }
  size_t beside_models() const override { return 0; }

  std::vector<size_t> asked;

 private:
  size_t most_;
};

constexpr int64_t kMega = 1 << 20;

TEST(MemoryGuards, AreAskedForLargeFreshBlocksOfTheirThread) {
  trim_pool();
  Asked guard;
  {
    const Tensor before({kMega});
    const MemoryGuardScope scope(guard);
    EXPECT_TRUE(guard.asked.empty());
    const Tensor small({1000});
    EXPECT_TRUE(guard.asked.empty());
    { const Tensor large({kMega}); }
    ASSERT_EQ(guard.asked.size(), 1u);
    EXPECT_GE(guard.asked[0], static_cast<size_t>(4 * kMega));
    const Tensor again({kMega});
    EXPECT_EQ(guard.asked.size(), 1u) << "the freed block is used again, which takes nothing";
  }
  const Tensor after({3 * kMega});
  EXPECT_EQ(guard.asked.size(), 1u);
}

TEST(MemoryGuards, WhatTheyRefuseIsNotTaken) {
  trim_pool();
  Asked guard(8 << 20);
  const MemoryGuardScope scope(guard);
  const size_t taken = PooledMemory::taken(), live = pool_stats().live_bytes;
  EXPECT_THROW(Tensor({4 * kMega}), Error);
  EXPECT_EQ(PooledMemory::taken(), taken);
  EXPECT_EQ(pool_stats().live_bytes, live);
  const Tensor fits({kMega});
  EXPECT_GE(PooledMemory::taken(), taken + 4 * kMega);
}

TEST(MemoryGuards, ClaimsCountAsLongAsTheyLive) {
  Asked guard(8 << 20);
  const MemoryGuardScope scope(guard);
  const size_t before = claimed_memory();
  {
    const MemoryClaim small(100), large(4 << 20);
    EXPECT_EQ(claimed_memory(), before + 100 + (4 << 20));
    EXPECT_EQ(guard.asked, std::vector<size_t>{4 << 20});
    EXPECT_THROW(MemoryClaim(16 << 20), Error);
    EXPECT_EQ(claimed_memory(), before + 100 + (4 << 20));
  }
  EXPECT_EQ(claimed_memory(), before);
}

}  // namespace
}  // namespace easel
