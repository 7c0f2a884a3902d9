// A machine of a fleet that computes: runs jobs of the shared store, and says what it has and does.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "library/folders.h"
#include "server/events/delivery.h"
#include "server/fleet/front_table.h"
#include "server/fleet/model_identities.h"
#include "server/fleet/relay_hub.h"
#include "server/jobs/job_store.h"
#include "server/jobs/run/job_runner.h"
#include "server/jobs/worker.h"
#include "server/metrics.h"
#include "workflow/schema.h"

namespace easel::server {

struct RunnerOptions {
  std::string name;     // no other living runner has it
  std::string version;  // as RunnerInfo
  Lease lease = std::chrono::seconds(15);
  int max_attempts = 2;
  std::filesystem::path identities = {};  // the file that keeps what model files are; empty: they are not looked at
  std::function<void()> give_up = {};     // called when it cannot go on: another has its name
};

// Remembers which model files the last jobs needed, which are those in memory.
class WatchedRunner final : public JobRunner {
 public:
  // `runner` and `table` must outlive it.
  WatchedRunner(JobRunner& runner, const workflow::NodeTable& table) : runner_(runner), table_(table) {}
  engine::Plan check(const workflow::Prompt& prompt, const std::vector<std::string>& only) override {
    return runner_.check(prompt, only);
  }
  RunResult run(RunRequest request, engine::EventSink& sink, const CancelToken& cancel) override;
  void free_memory(bool models, bool results) override;
  RunnerStats stats() const override { return runner_.stats(); }

  // Of `had`.
  std::vector<ModelFile> resident(const std::vector<ModelFile>& had) const;

 private:
  JobRunner& runner_;
  const workflow::NodeTable& table_;
  mutable Mutex mutex_;
  std::vector<ModelFile> used_ EASEL_GUARDED_BY(mutex_);  // without identities
  uint64_t bytes_ EASEL_GUARDED_BY(mutex_) = 0;
};

class FleetRunner {
 public:
  // All must outlive it.
  FleetRunner(RunnerOptions options, JobStore& store, FrontTable& fronts, RelayHub& relay, JobRunner& runner,
              const workflow::NodeTable& table, const library::Folders& models);
  ~FleetRunner();  // stop()

  // Enters itself into the table of runners, and takes jobs. Throws as the store does.
  void start();
  // The running job is interrupted and goes back into the queue; then the runner leaves the table.
  void stop();

 private:
  void run();
  // Tells the table what is new; false when another has this runner's name.
  bool tell(bool anew);
  RunnerInfo info();
  // The model files that there are, without their identities.
  std::vector<ModelFile> listed() const;
  // The same with those that are known.
  std::vector<ModelFile> files() const;
  void identify();
  // Waits as long as that, or until stop() is called; true then.
  bool ends_within(std::chrono::milliseconds time);

  const RunnerOptions options_;
  const std::string instance_;
  JobStore& store_;
  FrontTable& fronts_;
  RelayHub& relay_;
  const library::Folders& folders_;
  const std::vector<std::string> kinds_;
  WatchedRunner runner_;
  Metrics metrics_;
  Delivery delivery_;
  Worker worker_;
  std::unique_ptr<ModelIdentities> identities_;
  std::atomic<bool> ends_{false};  // set under the mutex, so that no wait misses it
  std::vector<ModelFile> files_;   // as the table has them; this and the next are the thread's own
  FrontTable::Asked freed_;
  Mutex mutex_;
  Condition changed_;
  std::thread thread_, identifier_;
};

// A name for a runner or a front end: letters, digits, '.', '_' and '-', at most 64. Throws Error(kUsage) otherwise.
void check_machine_name(const std::string& name);
// The name of this machine, made fit.
std::string machine_name();

}  // namespace easel::server
