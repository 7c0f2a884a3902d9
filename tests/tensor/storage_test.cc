// The pool behind tensors, and mapped files.
#include "tensor/storage.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "base/error.h"
#include "tensor/mapped_file.h"
#include "tensor/tensor.h"

namespace easel {
namespace {

TEST(Pool, GivesAlignedBlocksOfAtLeastTheSize) {
  for (const size_t bytes : {0u, 1u, 256u, 257u, 1000u, 4097u, 2000000u, 2097153u, 5000000u}) {
    const StorageRef block = allocate(bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block->data()) % 64, 0u);
    EXPECT_GE(block->bytes(), bytes);
    EXPECT_LE(block->bytes(), std::max<size_t>(320, bytes * 5 / 4 + 4096));
    std::memset(block->data(), 1, block->bytes());
  }
}

TEST(Pool, TakesBlocksAgainAndGivesThemBack) {
  trim_pool();
  const uint64_t fresh = pool_stats().fresh_blocks;
  const void* first = nullptr;
  {
    const StorageRef a = allocate(3000000);
    first = a->data();
    const StorageRef shared = a;
    EXPECT_EQ(pool_stats().fresh_blocks, fresh + 1);
  }
  EXPECT_GE(pool_stats().cached_bytes, 3000000u);
  const StorageRef b = allocate(2900000);
  EXPECT_EQ(b->data(), first);
  EXPECT_EQ(pool_stats().fresh_blocks, fresh + 1);
  EXPECT_EQ(pool_stats().cached_bytes, 0u);
  { const StorageRef c = allocate(1000); }
  trim_pool();
  EXPECT_EQ(pool_stats().cached_bytes, 0u);
}

TEST(Pool, PeakIsOfWhatIsHandedOut) {
  reset_pool_peak();
  const size_t before = pool_stats().live_bytes;
  { const StorageRef a = allocate(1 << 20), b = allocate(1 << 20); }
  EXPECT_GE(pool_stats().peak_bytes, before + (2 << 20));
  EXPECT_EQ(pool_stats().live_bytes, before);
}

TEST(Pool, RefusesMoreThanThereCanBe) {
  const size_t live = pool_stats().live_bytes;
  try {
    allocate((size_t{1} << 46) + 1);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kMemory);
  }
  EXPECT_EQ(pool_stats().live_bytes, live);
}

TEST(Pool, PoisonShowsWhatWasNotWritten) {
  set_pool_poison(true);
  const Tensor t({100});
  set_pool_poison(false);
  for (const float v : t.values()) EXPECT_TRUE(std::isnan(v));
}

TEST(Pool, ServesManyThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([i] {
      for (int round = 0; round < 2000; ++round) {
        const StorageRef block = allocate(static_cast<size_t>(round % 7 + 1) * 1000);
        std::memset(block->data(), i, block->bytes());
        const auto* bytes = static_cast<const uint8_t*>(block->data());
        if (bytes[0] != i || bytes[block->bytes() - 1] != i) ADD_FAILURE() << "a block was given to two";
      }
    });
  for (std::thread& t : threads) t.join();
}

class Mapped : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::path(::testing::TempDir()) / ("easel-mapped-" + std::to_string(::getpid()));
    std::ofstream(path_, std::ios::binary) << std::string(20000, 'x');
  }
  void TearDown() override { std::filesystem::remove(path_); }
  std::filesystem::path path_;
};

TEST_F(Mapped, LivesAsLongAsAnyTensorOfIt) {
  Tensor t;
  {
    const MappedFile file = MappedFile::open(path_);
    EXPECT_EQ(file.bytes().size(), 20000u);
    t = Tensor(file.storage(), file.storage()->data(), {20000}, {1}, DType::kU8);
  }
  std::filesystem::remove(path_);
  EXPECT_EQ(t.data<uint8_t>()[19999], 'x');
  drop_pages(t.storage(), t.raw(), t.nbytes());  // they come back when they are read again
  EXPECT_EQ(t.data<uint8_t>()[5000], 'x');
}

TEST_F(Mapped, KnowsItsVersion) {
  const FileVersion first = mapped_file(MappedFile::open(path_).storage());
  EXPECT_EQ(first.path, path_.string());
  std::ofstream(path_, std::ios::binary | std::ios::app) << "y";
  EXPECT_NE(mapped_file(MappedFile::open(path_).storage()).version, first.version);
  EXPECT_EQ(mapped_file(allocate(8)).path, "");
}

TEST_F(Mapped, AFileThatIsCutShortIsAnErrorAndNoSignal) {
  const MappedFile file = MappedFile::open(path_);
  EXPECT_EQ(file.bytes()[19999], 'x');
  EXPECT_NO_THROW(require_unchanged(file.storage()));
  std::filesystem::resize_file(path_, 5000);
  EXPECT_EQ(file.bytes()[100], 'x');
  EXPECT_EQ(file.bytes()[19999], 0);  // its page is no more
  EXPECT_EQ(file.bytes()[12288], 0);
  try {
    require_unchanged(file.storage());
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kBadFile);
    EXPECT_EQ(e.file(), path_.string());
  }
}

TEST_F(Mapped, AFileThatIsWrittenIntoIsAnErrorAndOneThatIsReplacedIsNot) {
  const MappedFile first = MappedFile::open(path_);
  const auto other = std::filesystem::path(path_.string() + ".new");
  std::ofstream(other, std::ios::binary) << std::string(20000, 'y');
  std::filesystem::rename(other, path_);
  EXPECT_EQ(first.bytes()[19999], 'x');
  EXPECT_NO_THROW(require_unchanged(first.storage()));
  const MappedFile second = MappedFile::open(path_);
  std::fstream(path_, std::ios::binary | std::ios::in | std::ios::out).seekp(10) << "zzzz";
  EXPECT_THROW(require_unchanged(second.storage()), Error);
  EXPECT_NO_THROW(require_unchanged(first.storage()));
  EXPECT_NO_THROW(require_unchanged(allocate(8)));
}

// What is no mapping's keeps its meaning.
TEST_F(Mapped, OtherBusErrorsStillEndTheProcess) {
  const MappedFile file = MappedFile::open(path_);
  EXPECT_DEATH(::kill(::getpid(), SIGBUS), "");
  const int fd = ::open(path_.c_str(), O_RDONLY);
  const auto* own = static_cast<const volatile char*>(mmap(nullptr, 20000, PROT_READ, MAP_PRIVATE, fd, 0));
  ::close(fd);
  std::filesystem::resize_file(path_, 100);
  EXPECT_EQ(own[10], 'x');
  EXPECT_DEATH(static_cast<void>(own[19999]), "");
}

TEST_F(Mapped, RefusesPathsThatAreNoFiles) {
  EXPECT_THROW(MappedFile::open(path_.string() + ".absent"), Error);
  EXPECT_THROW(MappedFile::open(std::filesystem::temp_directory_path()), Error);
  EXPECT_THROW(MappedFile::open("/dev/zero"), Error);
  std::ofstream(path_, std::ios::trunc).flush();
  EXPECT_TRUE(MappedFile::open(path_).bytes().empty());
}

}  // namespace
}  // namespace easel
