// Plans of jobs that wait in the queue, kept by the process that checked them for its own worker.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "engine/plan.h"
#include "server/jobs/job_store.h"

namespace easel::server {

// A plan holds its prompt and the model files that its loaders opened, no weights. When there is no room, the plans
// that are there stay, since their jobs come first; a job without one is planned anew when it runs, and so is one that
// an earlier process accepted. Thread-safe.
class KeptPlans {
 public:
  struct Limits {
    size_t plans = 64;
    size_t prompt_bytes = size_t{8} << 20;  // of all their prompts as text
  };
  KeptPlans() : KeptPlans(Limits{}) {}
  explicit KeptPlans(Limits limits) : limits_(limits) {}

  // Keeps the plan of a job that goes into the queue now, in place of an earlier one under that id.
  void keep(const Job& job, engine::Plan plan) EASEL_EXCLUDES(mutex_);
  // Gives the plan away. Nothing when there is none, or when it is the plan of another prompt or other targets than the
  // job's.
  std::optional<engine::Plan> take(const Job& job) EASEL_EXCLUDES(mutex_);
  void drop(const std::vector<std::string>& ids) EASEL_EXCLUDES(mutex_);
  // Of the jobs whose plans are kept.
  std::vector<std::string> ids() const EASEL_EXCLUDES(mutex_);

 private:
  struct Kept {
    std::string prompt, targets;  // what was planned
    engine::Plan plan;
  };
  void erase(std::map<std::string, Kept>::iterator kept) EASEL_REQUIRES(mutex_);

  const Limits limits_;
  mutable Mutex mutex_;
  std::map<std::string, Kept> kept_ EASEL_GUARDED_BY(mutex_);  // by the job's id
  size_t prompt_bytes_ EASEL_GUARDED_BY(mutex_) = 0;
};

}  // namespace easel::server
