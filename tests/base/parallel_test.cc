#include "base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace easel {
namespace {

class Parallel : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { set_thread_count(GetParam()); }
  void TearDown() override { set_thread_count(before_); }
  const int before_ = thread_count();
};

TEST_P(Parallel, CoversTheRangeOnceInPiecesOfTheGrain) {
  for (const int64_t count : {0, 1, 2, 7, 64, 1000}) {
    for (const int64_t grain : {0, 1, 3, 100, 5000}) {
      std::vector<std::atomic<int>> seen(static_cast<size_t>(count));
      std::atomic<bool> short_piece{false};
      parallel_for(count, grain, [&](int64_t begin, int64_t end) {
        if (end - begin < std::min(grain, count)) short_piece = true;
        for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
      });
      for (const auto& s : seen) ASSERT_EQ(s, 1);
      EXPECT_FALSE(short_piece) << count << " in " << grain;
    }
  }
}

TEST_P(Parallel, OneOfTheErrorsComesThrough) {
  std::atomic<int> run{0};
  const auto work = [&] {
    parallel_for(64, 1, [&](int64_t, int64_t) {
      ++run;
      throw std::runtime_error("a part failed");
    });
  };
  EXPECT_THROW(work(), std::runtime_error);
  EXPECT_GE(run, 1);
}

TEST_P(Parallel, NestedCallsRunInline) {
  std::atomic<int64_t> sum{0};
  parallel_for(8, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) parallel_for(100, 1, [&](int64_t from, int64_t to) { sum += to - from; });
  });
  EXPECT_EQ(sum, 800);
}

INSTANTIATE_TEST_SUITE_P(Threads, Parallel, ::testing::Values(1, 2, 64));

}  // namespace
}  // namespace easel
