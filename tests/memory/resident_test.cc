#include "memory/resident.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/error.h"

namespace easel::models {
namespace {

struct Block {
  explicit Block(size_t size) : size_(size) {}
  size_t bytes() const { return size_; }
  size_t size_;
};

struct Fixture : ::testing::Test {
  std::shared_ptr<memory::Resident<Block>> make(memory::Residency& residency, const char* name, size_t size) {
    return std::make_shared<memory::Resident<Block>>(residency, name, size, [this, size] {
      ++builds;
      return std::make_shared<const Block>(size);
    });
  }
  int builds = 0;
};
using Models = Fixture;

TEST_F(Models, AreBuiltOnceAndOnlyWhenUsed) {
  memory::Residency residency;
  const auto a = make(residency, "a", 100);
  EXPECT_EQ(builds, 0);
  EXPECT_EQ(a->loaded_bytes(), 0u);
  a->get();
  a->get();
  EXPECT_EQ(builds, 1);
  EXPECT_EQ(residency.loaded_bytes(), 100u);
}

TEST_F(Models, LeastRecentlyUsedGoesFirst) {
  memory::Residency residency(250);
  const auto a = make(residency, "a", 100), b = make(residency, "b", 100), c = make(residency, "c", 100);
  a->get();
  b->get();
  a->get();
  c->get();
  EXPECT_EQ(a->loaded_bytes(), 100u);
  EXPECT_EQ(b->loaded_bytes(), 0u);
  EXPECT_EQ(c->loaded_bytes(), 100u);
  b->get();
  EXPECT_EQ(builds, 4);
  EXPECT_EQ(a->loaded_bytes(), 0u);
}

TEST_F(Models, InUseIsNeverEvicted) {
  memory::Residency residency(150);
  const auto a = make(residency, "model a", 100), b = make(residency, "model b", 100);
  auto held = a->get();
  try {
    b->get();
    FAIL() << "went over the budget";
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kMemory);
    EXPECT_NE(std::string(e.what()).find("model b"), std::string::npos) << e.what();
  }
  held.reset();
  b->get();
  EXPECT_EQ(a->loaded_bytes(), 0u);
  residency.evict_all();
  EXPECT_EQ(residency.loaded_bytes(), 0u);
}

TEST_F(Models, OneKeyOneModel) {
  memory::Residency residency;
  const std::function<std::shared_ptr<memory::Resident<Block>>()> build = [&] { return make(residency, "a", 1); };
  auto a = residency.shared<memory::Resident<Block>>("key", build);
  EXPECT_EQ(residency.shared<memory::Resident<Block>>("key", build), a);
  EXPECT_NE(residency.shared<memory::Resident<Block>>("other", build), a);
  const void* before = a.get();
  (void)before;
  a.reset();
  EXPECT_EQ(residency.shared<memory::Resident<Block>>("key", build)->loaded_bytes(), 0u);
}

TEST_F(Models, ManyThreads) {
  memory::Residency residency(250);
  std::vector<std::shared_ptr<memory::Resident<Block>>> all;
  std::atomic<int> made{0};
  for (int i = 0; i < 6; ++i)
    all.push_back(std::make_shared<memory::Resident<Block>>(residency, "x", 50, [&made] {
      ++made;
      return std::make_shared<const Block>(50);
    }));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&all, t] {
      for (int i = 0; i < 500; ++i) EXPECT_EQ(all[static_cast<size_t>(i * 7 + t) % 6]->get()->bytes(), 50u);
    });
  for (std::thread& t : threads) t.join();
  EXPECT_LE(residency.loaded_bytes(), 300u);
  EXPECT_GE(made.load(), 6);
}

}  // namespace
}  // namespace easel::models
