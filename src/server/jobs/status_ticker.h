// Repeats the `status` message while anybody listens: some clients take ten seconds of silence for a lost
// connection. Without clients it sleeps, without a timer.
#pragma once

#include <thread>

#include "base/mutex.h"
#include "server/events/event_hub.h"
#include "server/jobs/job_store.h"

namespace easel::server {

class StatusTicker {
 public:
  StatusTicker(EventHub& hub, const JobStore& store, double seconds = 4)
      : hub_(hub), store_(store), seconds_(seconds) {}
  ~StatusTicker() { stop(); }
  void start();
  void stop();

 private:
  void run();

  EventHub& hub_;
  const JobStore& store_;
  const double seconds_;
  Mutex mutex_;
  Condition changed_;
  bool stopping_ EASEL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace easel::server
