#include "memory/resident.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <thread>

#include "base/error.h"
#include "tensor/mapped_file.h"

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

TEST_F(Models, AreNeverEvictedWhileInUse) {
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

// A model that takes long to make is in nobody's way: a sampler gets its memory meanwhile.
TEST_F(Models, NobodyWaitsForAModelThatAnotherThreadMakes) {
  using BlockPtr = std::shared_ptr<memory::Resident<Block>>;
  memory::Residency residency(1000);
  std::promise<void> began, go_on;
  std::thread slow([&] {
    residency.shared<memory::Resident<Block>>("slow", [&]() -> BlockPtr {
      began.set_value();
      go_on.get_future().wait();
      return make(residency, "slow", 100);
    });
  });
  began.get_future().wait();
  auto work = std::async(std::launch::async, [&] {
    const auto held = residency.hold(100, "a latent");
    residency.make_room(100, "a model");
    const auto other = residency.shared<memory::Resident<Block>>("other", [&] { return make(residency, "other", 1); });
    other->get();
    return residency.room();
  });
  EXPECT_EQ(work.wait_for(std::chrono::seconds(20)), std::future_status::ready) << "it waits for the slow one";
  go_on.set_value();
  EXPECT_EQ(work.get(), 900u);
  slow.join();
}

TEST_F(Models, AModelThatIsBeingMadeIsShared) {
  using BlockPtr = std::shared_ptr<memory::Resident<Block>>;
  memory::Residency residency;
  std::atomic<int> made{0};
  std::promise<void> began, go_on;
  BlockPtr first, second;
  std::thread slow([&] {
    first = residency.shared<memory::Resident<Block>>("key", [&]() -> BlockPtr {
      began.set_value();
      go_on.get_future().wait();
      ++made;
      return make(residency, "a", 1);
    });
  });
  began.get_future().wait();
  std::thread waits([&] {
    second = residency.shared<memory::Resident<Block>>("key", [&]() -> BlockPtr {
      ++made;
      return make(residency, "b", 1);
    });
  });
  go_on.set_value();
  slow.join();
  waits.join();
  EXPECT_EQ(first, second);
  EXPECT_EQ(made.load(), 1);
}

TEST_F(Models, AModelThatCannotBeMadeIsTriedAgain) {
  memory::Residency residency;
  EXPECT_THROW(residency.shared<memory::Resident<Block>>(
                   "key", [&]() -> std::shared_ptr<memory::Resident<Block>> { throw Error(Fault::kBadFile, "torn"); }),
               Error);
  EXPECT_NE(residency.shared<memory::Resident<Block>>("key", [&] { return make(residency, "a", 1); }), nullptr);
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

// A model that is read from its file all along: when the file is cut short, that is known of this model and no other.
TEST_F(Models, WithATruncatedFileAreFoundAndRebuilt) {
  const auto folder = std::filesystem::path(::testing::TempDir());
  const auto write = [&](const char* name) {
    const auto path = folder / (std::string("easel-mapped-") + name + std::to_string(::getpid()));
    std::ofstream(path, std::ios::binary) << std::string(1 << 16, 'x');
    return path;
  };
  memory::Residency residency, other_residency;
  const auto mapped = [&](memory::Residency& owner, const std::filesystem::path& path) {
    return std::make_shared<memory::Resident<Block>>(owner, "a", 100, [this, path]() -> memory::Built<Block> {
      ++builds;
      return {std::make_shared<const Block>(100), MappedFile::open(path).storage()};
    });
  };
  const auto path = write("a"), whole = write("b");
  StorageRef memory;
  const auto damaged = std::make_shared<memory::Resident<Block>>(residency, "a", 100, [&]() -> memory::Built<Block> {
    ++builds;
    memory = MappedFile::open(path).storage();
    return {std::make_shared<const Block>(100), memory};
  });
  const auto sound = mapped(residency, whole), elsewhere = mapped(other_residency, whole);
  const uint64_t start = residency.now();
  for (const auto& model : {damaged, sound, elsewhere}) model->get();
  EXPECT_FALSE(residency.unreadable_since(start));
  std::filesystem::resize_file(path, 4096);
  EXPECT_EQ(static_cast<volatile const char*>(memory->data())[1 << 15], 0);
  EXPECT_TRUE(residency.unreadable_since(start));
  EXPECT_FALSE(other_residency.unreadable_since(0));
  const uint64_t later = residency.now();
  sound->get();
  EXPECT_FALSE(residency.unreadable_since(later));  // the damaged one was not used since
  EXPECT_EQ(builds, 3);
  damaged->get();
  sound->get();
  EXPECT_EQ(builds, 4);
  EXPECT_FALSE(residency.unreadable_since(later));
  residency.evict_all();
  EXPECT_TRUE(residency.unreadable_since(start));  // still known of what was computed before
  std::filesystem::remove(path);
  std::filesystem::remove(whole);
}

}  // namespace
}  // namespace easel::models
