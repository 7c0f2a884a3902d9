// What waits: claims jobs from the store, one after the other, has them computed, renews the claim meanwhile, writes
// and tells how they ended, and keeps house in between.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/mutex.h"
#include "server/events/delivery.h"
#include "server/events/event_hub.h"
#include "server/jobs/job_events.h"
#include "server/jobs/job_store.h"
#include "server/jobs/run/computer.h"
#include "server/jobs/run/job_runner.h"
#include "server/jobs/workforce.h"
#include "server/metrics.h"

namespace easel::server {

struct WorkerOptions {
  std::string name = "local";               // in the store: no other living worker has it
  Lease lease = std::chrono::minutes(1);    // of a claim; renewed when a third of it is over
  int max_attempts = 2;                     // a job that was running when its worker died this often is set aside
  int64_t keep_history = 10000;             // finished jobs that are remembered; negative: all
  std::function<void()> housekeeping = {};  // called between jobs, and every ten minutes without any
  // Clients are told of queue lengths and of the ends of jobs. Not in a fleet, where front ends tell them what the
  // store says.
  bool tells_ends = true;
  // Called before the end of a job is written: what was said of it has to arrive first.
  std::function<void()> before_end = {};
};

// Public calls are thread-safe.
class Worker final : public Workforce {
 public:
  // All must outlive the worker. What it has sent may still wait in the delivery, so that the store and the hub must
  // outlive that as well.
  Worker(JobStore& store, EventHub& hub, Delivery& delivery, JobRunner& runner, Metrics& metrics,
         WorkerOptions options = {});
  ~Worker() override;  // stop()

  // Puts jobs back into the queue that an earlier worker of this name did not end, or whose lease is over; those that
  // were put back too often are set aside. To be called before start().
  void recover();
  void start();
  // Ends the thread. The running job is interrupted and goes back into the queue.
  void stop();

  bool interrupt(const std::string& id) override;
  void free_memory(bool models, bool results) override;
  std::optional<Running> running() const;
  std::vector<Running> running_jobs() const override;

  JobWaiters& waiters() override { return waiters_; }
  KeptPlans& plans() override { return plans_; }

 private:
  struct Current {
    std::string id, client_id;
    CancelToken cancel;
    bool by_request = false;                  // interrupted by a client, not by the server's stop
    std::shared_ptr<const JobEvents> events;  // once there are any
  };

  void run();
  // From any thread.
  void hear(const Notice& notice);
  void wake();
  // Keeps history and temp files within their limits, and looks for jobs whose worker is gone.
  void keep_house();
  // After a while without any job.
  void look_after_the_queue();
  // Plans of jobs that no longer wait: cancelled ones, and those that another worker has taken.
  void drop_plans();
  void set_aside(const std::vector<Job>& failed);
  // Frees memory when asked to; then the next job, or nothing when the server stops.
  std::optional<Claim> next();
  // From the claim to the last word about the job. Whatever goes wrong ends the job, if the store can be written.
  void attend(const Claim& claim);
  // Nothing when the job is no longer this worker's.
  std::optional<RunResult> compute(const Claim& claim, const std::shared_ptr<JobEvents>& events);
  // A store that fails counts as kKept: the claim may still be good.
  Hold renew(const Claim& claim);
  void give_back(const Claim& claim);
  // Writes the end of a job until that works. False when the server stops first, or the job is no longer this worker's.
  bool finish(const Claim& claim, const JobResult& result);
  bool wait_a_second();

  JobStore& store_;
  EventHub& hub_;
  Delivery& delivery_;
  Metrics& metrics_;
  const WorkerOptions options_;
  JobWaiters waiters_;
  KeptPlans plans_;
  Computer computer_;
  int64_t jobs_since_ = 0;  // since the last time that house was kept; the thread's own, as is the next one
  std::chrono::steady_clock::time_point house_kept_ = std::chrono::steady_clock::now();
  mutable Mutex mutex_;
  Condition changed_;
  bool stopping_ EASEL_GUARDED_BY(mutex_) = false;
  bool awake_ EASEL_GUARDED_BY(mutex_) = true;
  bool free_models_ EASEL_GUARDED_BY(mutex_) = false, free_results_ EASEL_GUARDED_BY(mutex_) = false;
  std::optional<Current> current_ EASEL_GUARDED_BY(mutex_);
  std::thread thread_;
  JobNotices::Subscription notices_;  // last: nothing comes before the rest is there, nor after it began to go
};

}  // namespace easel::server
