#include "base/cancel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "base/parallel.h"

namespace easel {
namespace {

class Cancelling : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { set_thread_count(GetParam()); }
  void TearDown() override { set_thread_count(before_); }
  const int before_ = thread_count();
};

TEST(CancelScope, NothingIsPolledWithoutOne) {
  const uint64_t before = cancel_polls();
  poll_cancelled();
  EXPECT_EQ(cancel_polls(), before);
}

TEST(CancelScope, PollsStopTheWorkUntilItEnds) {
  const CancelToken outer, inner;
  const CancelScope scope(outer);
  {
    const CancelScope within(inner);
    outer.cancel();
    EXPECT_NO_THROW(poll_cancelled()) << "the inner one counts";
    inner.cancel();
    EXPECT_THROW(poll_cancelled(), Error);
  }
  outer.reset();
  EXPECT_NO_THROW(poll_cancelled());
  outer.cancel();
  EXPECT_THROW(poll_cancelled(), Error);
}

TEST_P(Cancelling, LongLoopsStopWithinAPiece) {
  const CancelToken token;
  const CancelScope scope(token);
  constexpr int64_t kCount = 1 << 20;
  std::atomic<int64_t> done{0};
  try {
    parallel_for(kCount, 1, [&](int64_t begin, int64_t end) {
      done += end - begin;
      token.cancel();
    });
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kCancelled);
  }
  EXPECT_LE(done, kCount / 64 + GetParam()) << "each thread does one of its 64 pieces at most";
  // The threads have forgotten the token.
  token.reset();
  EXPECT_NO_THROW(parallel_for(kCount, 1, [](int64_t, int64_t) {}));
}

TEST_P(Cancelling, PiecesCoverTheRangeOnceAndAreNoShorterThanTheGrain) {
  const CancelScope scope(CancelToken{});
  for (const int64_t count : {1, 7, 64, 1000, 5000}) {
    for (const int64_t grain : {1, 3, 100}) {
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

INSTANTIATE_TEST_SUITE_P(Threads, Cancelling, ::testing::Values(1, 2, 16));

}  // namespace
}  // namespace easel
