// The thread on which the runner computes, one job after the other. It does not know the store, the queue or leases.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <thread>

#include "base/mutex.h"
#include "server/jobs/job_store.h"
#include "server/jobs/run/job_runner.h"

namespace easel::server {

// Used by one thread, the worker's. What the runner keeps for the thread that calls it, such as its pool of threads, is
// kept from job to job.
class Computer {
 public:
  // `runner` must outlive this object.
  explicit Computer(JobRunner& runner);
  ~Computer();  // waits for the end of the running job

  // Begins to run a job; `prompt` is its prompt, parsed, and `plan` its plan if that is known. `events` must live until
  // wait() has returned a result.
  void begin(const Job& job, workflow::Json prompt, std::optional<engine::Plan> plan, engine::EventSink& events,
             const CancelToken& cancel);
  // The result of the job, or nothing if it still runs after `longest`. Any exception of the runner also ends the job.
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
