#include "base/huge_pages.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/descriptor.h"
#include "base/round.h"

namespace easel {
namespace {

TEST(HugePages, MemoryBeginsAtOne) {
  for (const size_t bytes : {size_t{1}, kPage, kHugePage - 1, kHugePage, 3 * kHugePage + 5}) {
    void* const data = map_at_huge_page(bytes);
    ASSERT_NE(data, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % kHugePage, 0u);
    std::memset(data, 1, bytes);
    EXPECT_EQ(munmap(data, bytes), 0);
  }
}

TEST(HugePages, AFileIsMappedFromItsBeginning) {
  const std::filesystem::path path =
      std::filesystem::path(::testing::TempDir()) / ("easel-huge-" + std::to_string(::getpid()));
  const std::string content = "beginning" + std::string(10000, 'x');
  std::ofstream(path, std::ios::binary) << content;
  {
    const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    void* const data = map_at_huge_page(content.size(), fd.get());
    ASSERT_NE(data, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % kHugePage, 0u);
    EXPECT_EQ(std::memcmp(data, content.data(), content.size()), 0);
    munmap(data, content.size());
  }
  EXPECT_EQ(map_at_huge_page(1, 1 << 20), nullptr);  // no such descriptor
  std::filesystem::remove(path);
}

TEST(Rounding, GoesUpToMultiples) {
  EXPECT_EQ(ceil_div(0, 4), 0);
  EXPECT_EQ(ceil_div(9, 4), 3);
  EXPECT_EQ(round_up(size_t{4097}, kPage), 2 * kPage);
  EXPECT_EQ(round_up(int64_t{8}, 8), 8);
}

}  // namespace
}  // namespace easel
