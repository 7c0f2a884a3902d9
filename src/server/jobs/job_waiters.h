// Requests that wait for the worker.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/mutex.h"

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
  struct Waiting {
    std::string id;
    std::function<void()> callback;
  };
  Mutex mutex_;
  std::map<int64_t, Waiting> waiting_ EASEL_GUARDED_BY(mutex_);
  int64_t next_ EASEL_GUARDED_BY(mutex_) = 0;
};

}  // namespace easel::server
