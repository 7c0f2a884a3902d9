// The thread on which the runner computes, one job after the other. It does not know the store, the queue or leases.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <thread>

#include "base/mutex.h"
#include "server/jobs/job_runner.h"
#include "server/jobs/job_store.h"

namespace easel::server {

// Used by one thread, the worker's. What the runner keeps for the thread that calls it, such as its pool of threads, is
// kept from job to job.
class Computer {
 public:
  // The runner must outlive it.
  explicit Computer(JobRunner& runner);
  ~Computer();  // waits for the end of what runs

  // Begins to run a job; `prompt` is the job's, parsed, and `plan` its plan where that is known. The events must live
  // until wait() has returned a result.
  void begin(const Job& job, workflow::Json prompt, std::optional<engine::Plan> plan, engine::EventSink& events,
             const CancelToken& cancel);
  // How the job ended, or nothing when it still runs after `longest`. Whatever the runner throws is an end as well.
  std::optional<RunResult> wait(std::chrono::milliseconds longest);

  // Between jobs. Returns when it is done. A failure is logged.
  void free_memory(bool models, bool results);

 private:
  void run();
  void begin(std::function<void()> task);

  JobRunner& runner_;
  Mutex mutex_;
  Condition changed_;
  std::function<void()> task_ EASEL_GUARDED_BY(mutex_);  // what runs now
  std::optional<RunResult> result_ EASEL_GUARDED_BY(mutex_);
  bool stopping_ EASEL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace easel::server
