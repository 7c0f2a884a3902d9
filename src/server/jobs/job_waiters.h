// Two small meeting points between requests and the worker.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace easel::server {

// Requests that wait for a job's end. Thread-safe.
class JobWaiters {
 public:
  // `callback` is called once, from any thread, when the job has ended or was taken out of the queue. Register
  // before the job is added, so that no end is missed.
  // Returns a number to remove() it by.
  int64_t add(const std::string& id, std::function<void()> callback);
  void remove(int64_t number);
  void notify(const std::string& id);
  // All that still wait (the server stops).
  void notify_all();

 private:
  std::mutex mutex_;
  struct Waiting {
    std::string id;
    std::function<void()> callback;
  };
  std::map<int64_t, Waiting> waiting_;
  int64_t next_ = 0;
};

// Keeps a job back until its client has the answer to the request that queued it: clients begin to listen only then.
// A job that reuses all its results would be over before, and of a long one they would miss which node runs.
class AnswerGate {
 public:
  // Time a client is given after its answer was sent.
  static constexpr std::chrono::milliseconds kHeadStart{8};
  // Longest time a job is kept back for an answer that does not come.
  static constexpr std::chrono::milliseconds kPatience{250};

  void expect(const std::string& id);    // before the job is added
  void answered(const std::string& id);  // the answer has been given
  void wait(const std::string& id);      // before its first event; returns at once for jobs nobody expects

 private:
  using Clock = std::chrono::steady_clock;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Clock::time_point> answers_;  // epoch: not yet
};

}  // namespace easel::server
