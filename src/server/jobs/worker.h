// Takes jobs from the store and runs them, one after the other.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "server/events/event_hub.h"
#include "server/jobs/job_events.h"
#include "server/jobs/job_runner.h"
#include "server/jobs/job_store.h"
#include "server/jobs/job_waiters.h"
#include "server/metrics.h"

namespace easel::server {

struct WorkerOptions {
  int64_t keep_history = 10000;        // finished jobs that are remembered
  std::function<void()> housekeeping;  // called between jobs, and every ten minutes without any
};

// Public calls are thread-safe.
class Worker {
 public:
  Worker(JobStore& store, EventHub& hub, JobRunner& runner, Metrics& metrics, WorkerOptions options);
  ~Worker();  // stop()

  // Puts jobs back into the queue that a server before this one did not end; before start(). Those that took the server
  // with them twice are set aside.
  void recover();
  void start();
  // Ends the thread. The running job is interrupted at its next step and goes back into the queue.
  void stop();

  // There may be something to do: a job was added, the queue is no longer paused.
  void wake();
  // Interrupts the running job, if it is this one or `id` is empty. False when no such job runs.
  bool interrupt(const std::string& id);
  // Before the next job, or at once when none runs.
  void free_memory(bool models, bool results);
  // Tells all clients how long the queue is.
  void send_status();

  struct Running {
    std::string id, client_id, node;
  };
  std::optional<Running> running() const;

  JobWaiters& waiters() { return waiters_; }
  AnswerGate& gate() { return gate_; }

 private:
  struct Current {
    Running job;
    CancelToken cancel;
    bool by_request = false;  // interrupted by a client, not by the server's stop
  };
  class Tracker;

  void run();
  // Keeps history and temp files within their limits.
  void keep_house();
  // Frees memory when asked to; then the next job, or nothing when the server stops.
  std::optional<Claim> next();
  void run_job(const Claim& claim);
  RunResult execute(const Job& job, const workflow::Json& prompt, engine::EventSink& sink, const CancelToken& cancel);
  // Writes the end of a job until that works. False when the server stops first.
  bool finish(const Claim& claim, const JobResult& result);
  bool wait_a_second();

  JobStore& store_;
  EventHub& hub_;
  JobRunner& runner_;
  Metrics& metrics_;
  const WorkerOptions options_;
  JobWaiters waiters_;
  AnswerGate gate_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false, awake_ = true, free_models_ = false, free_results_ = false;
  std::optional<Current> current_;
  int64_t jobs_since_ = 0;  // since the last time that house was kept
  std::thread thread_;
};

}  // namespace easel::server
