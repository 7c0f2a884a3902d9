#include "server/events/delivery.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace easel::server {
namespace {

using Clock = std::chrono::steady_clock;

// What was delivered, and when.
class Notes {
 public:
  std::function<void()> note(const std::string& what) {
    return [this, what] {
      std::lock_guard lock(mutex_);
      text_ += what;
      last_ = Clock::now();
    };
  }
  std::string text() const {
    std::lock_guard lock(mutex_);
    return text_;
  }
  Clock::time_point last() const {
    std::lock_guard lock(mutex_);
    return last_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
  Clock::time_point last_;
};

TEST(Delivery, IsImmediateForJobsWithoutAHold) {
  Notes notes;
  Delivery delivery;
  delivery.send("a", notes.note("1"));
  EXPECT_EQ(notes.text(), "1");
  EXPECT_FALSE(delivery.holds("a"));
}

TEST(Delivery, HeldMessagesComeInOrderAfterTheAnswerAndAHeadStart) {
  Notes notes;
  Delivery delivery;
  auto hold = delivery.hold("a");
  const auto copy = hold;
  for (const char* event : {"1", "2", "3"}) delivery.send("a", notes.note(event));
  delivery.send("b", notes.note("b"));
  EXPECT_EQ(notes.text(), "b");  // another job's
  hold.reset();
  delivery.send("a", notes.note("4"));
  EXPECT_TRUE(delivery.holds("a"));
  EXPECT_EQ(notes.text(), "b");
  delivery.flush("a");
  EXPECT_EQ(notes.text(), "b1234");
  EXPECT_FALSE(delivery.holds("a"));
  delivery.send("a", notes.note("5"));
  EXPECT_EQ(notes.text(), "b12345");
}

TEST(Delivery, TheHeadStartBeginsWhenTheLastHoldGoes) {
  Notes notes;
  Delivery delivery;
  auto hold = delivery.hold("a");
  delivery.send("a", notes.note("1"));
  const auto answered = Clock::now();
  hold.reset();
  delivery.flush("a");
  EXPECT_GE(notes.last() - answered, Delivery::kHeadStart);
}

TEST(Delivery, DoesNotWaitForAnAnswerForEver) {
  Notes notes;
  Delivery delivery;
  const auto hold = delivery.hold("a");
  const auto start = Clock::now();
  delivery.send("a", notes.note("1"));
  delivery.flush("a");
  EXPECT_EQ(notes.text(), "1");
  EXPECT_GE(notes.last() - start, Delivery::kPatience);
}

TEST(Delivery, AHoldWithoutMessagesLeavesNothing) {
  Delivery delivery;
  delivery.hold("a").reset();
  delivery.flush("a");
  EXPECT_FALSE(delivery.holds("a"));
}

// One thread sends while another opens: nothing is lost, nothing overtakes.
TEST(Delivery, KeepsOrderWhileItOpens) {
  for (int round = 0; round < 20; ++round) {
    std::vector<int> got;
    Delivery delivery;
    auto hold = delivery.hold("a");
    std::thread sender([&] {
      for (int i = 0; i < 2000; ++i) delivery.send("a", [&got, i] { got.push_back(i); });
    });
    hold.reset();
    sender.join();
    delivery.flush("a");
    ASSERT_EQ(got.size(), 2000u);
    EXPECT_TRUE(std::is_sorted(got.begin(), got.end()));
  }
}

TEST(Delivery, StopDeliversTheRemainingMessages) {
  Notes notes;
  Delivery delivery;
  const auto hold = delivery.hold("a");
  delivery.send("a", notes.note("1"));
  delivery.send("a", [] { throw std::runtime_error("lost"); });
  delivery.send("a", notes.note("2"));
  delivery.stop();
  EXPECT_EQ(notes.text(), "12");
  EXPECT_EQ(delivery.hold("b"), nullptr);
  delivery.send("b", notes.note("3"));
  EXPECT_EQ(notes.text(), "123");
}

}  // namespace
}  // namespace easel::server
