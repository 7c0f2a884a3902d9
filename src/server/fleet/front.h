// A front end of a fleet: tells its clients what happens to jobs that run elsewhere, and answers requests that wait for
// them.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <string>
#include <thread>

#include "base/lru.h"
#include "base/mutex.h"
#include "server/events/delivery.h"
#include "server/events/event_hub.h"
#include "server/fleet/fleet_models.h"
#include "server/fleet/front_table.h"
#include "server/fleet/relay_hub.h"
#include "server/jobs/job_store.h"
#include "server/jobs/workforce.h"
#include "server/metrics.h"

namespace easel::server {

struct FrontOptions {
  std::string name;                         // of this front end
  int64_t keep_history = 10000;             // finished jobs that are remembered
  int max_attempts = 2;                     // as WorkerOptions
  std::function<void()> housekeeping = {};  // called every ten minutes
};

// What is told when:
//  - progress, pictures and what nodes made: as runners send it (receive());
//  - the end of a job: when the store has it, whoever ran it, once. A notice says so; one that is lost is made up for
//  by
//    looking into the store;
//  - the length of the queue: when it changes, at most ten times a second.
class Front final : public Workforce {
 public:
  // All must outlive it, and what it has sent may still wait in the delivery. `relay`: to the other front ends. It
  // takes the hub's on_change(), so nobody may have connected yet, and nobody may when it is gone.
  Front(FrontOptions options, JobStore& store, FrontTable& fronts, FleetChoices& choices, EventHub& hub,
        Delivery& delivery, RelayHub& relay, Metrics& metrics);
  ~Front() override;  // stop()

  // `url`: where the other machines find it.
  void start(const std::string& url);
  void stop();

  // Messages of a runner, or of another front end; `forward`: they are sent on to the other front ends as well. Throws
  // Error(kInvalid) for what no runner sends; nothing is told then.
  RelayAnswer receive(const std::vector<EventFrame>& frames, bool forward);

  bool interrupt(const std::string& id) override;
  void free_memory(bool models, bool results) override;
  std::vector<Running> running_jobs() const override;
  JobWaiters& waiters() override { return waiters_; }
  KeptPlans& plans() override { return no_plans_; }

 private:
  using Clock = std::chrono::steady_clock;
  void hear(const Notice& notice);
  void run();
  // What the thread does next, in its order.
  struct Due {
    std::vector<std::string> ended;
    bool status = false, fleet = false, listeners = false, look = false;
  };
  Due next();
  void attend(const Due& due);
  void look();
  void keep_house();
  void tell_end(const std::string& id);
  void publish();
  void find_fronts();
  // Before the first message of a job is sent on: a client of the job may be at a front end that came after the last
  // look.
  void find_fronts_for(const std::vector<EventSubject>& subjects);

  const FrontOptions options_;
  std::string url_;
  JobStore& store_;
  FrontTable& fronts_;
  FleetChoices& choices_;
  EventHub& hub_;
  Delivery& delivery_;
  RelayHub& relay_;
  Metrics& metrics_;
  JobWaiters waiters_;
  KeptPlans no_plans_{KeptPlans::Limits{0, 0}};

  Mutex finding_;  // held from reading the table until the relay knows: no older list comes after a newer one
  mutable Mutex mutex_;
  Condition changed_;
  bool stopping_ EASEL_GUARDED_BY(mutex_) = false;
  std::deque<std::string> ended_ EASEL_GUARDED_BY(mutex_);
  bool queue_changed_ EASEL_GUARDED_BY(mutex_) = false, fleet_changed_ EASEL_GUARDED_BY(mutex_) = true;
  bool listeners_changed_ EASEL_GUARDED_BY(mutex_) = true, missed_ EASEL_GUARDED_BY(mutex_) = false;
  Lru<std::string, bool> told_ EASEL_GUARDED_BY(mutex_){20000};      // ends of jobs
  Lru<std::string, bool> forwarded_ EASEL_GUARDED_BY(mutex_){1000};  // jobs of which something was sent on
  std::map<std::string, Running> running_ EASEL_GUARDED_BY(mutex_);  // by job
  Clock::time_point status_due_{}, look_due_{}, house_due_{};        // the thread's own
  Clock::time_point looked_{}, published_{};
  std::thread thread_;
  JobNotices::Subscription notices_;  // last: nothing comes before the rest is there
};

// The message that ends a job for its client, as its history has it: [event, data]. Jobs that were set aside left none
// of their own.
std::string end_message(const Job& job);

}  // namespace easel::server
