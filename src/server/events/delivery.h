// Decides when the events of a job are delivered. A job may start before its client has received the answer to the
// request that queued it, and clients only listen from then on. Until then the events of the job wait here, in order,
// while the job itself continues.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "base/mutex.h"

namespace easel::server {

// Thread-safe. It must outlive its holds; what the deliveries use must live until stop() has returned.
class Delivery {
 public:
  // Time a client is given after its answer was sent.
  static constexpr std::chrono::milliseconds kHeadStart{8};
  // Longest time that events wait for an answer that does not come.
  static constexpr std::chrono::milliseconds kPatience{250};

  // Events of a job are held back as long as one of these exists, and for kHeadStart afterwards.
  using Hold = std::shared_ptr<const void>;

  explicit Delivery(std::chrono::milliseconds patience = kPatience);
  ~Delivery();  // stop()

  // Call this before the job is added to the store, once for each job.
  [[nodiscard]] Hold hold(const std::string& job);
  // Whether events of the job are held back right now.
  bool holds(const std::string& job) const;

  // Calls `deliver`: now, on this thread, or when the job is no longer held back, on another. What is sent for one job
  // is delivered in the order of these calls, as long as they come from one thread at a time.
  void send(const std::string& job, std::function<void()> deliver);
  // Waits until everything sent for the job is delivered, for callers that must know whether it was accepted.
  void flush(const std::string& job);

  // Delivers everything now. Nothing is held back afterwards.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr Clock::time_point kNever = Clock::time_point::max();
  struct Held {
    Clock::time_point opens = kNever;
    std::deque<std::function<void()>> waiting;
  };

  void let_go(const std::string& job);
  void run();

  const std::chrono::milliseconds patience_;
  mutable Mutex mutex_;
  Condition changed_;  // something is to be delivered at another time
  Condition opened_;   // a job is no longer held back
  // A job stays here until the last of its events was delivered, so that the next one cannot overtake it.
  std::map<std::string, Held> held_ EASEL_GUARDED_BY(mutex_);
  bool stopping_ EASEL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace easel::server
