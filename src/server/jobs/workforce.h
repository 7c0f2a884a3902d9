// Whoever runs the jobs, as the routes see it: the worker of this process, or the runners of a fleet.
#pragma once

#include <string>
#include <vector>

#include "server/jobs/job_waiters.h"
#include "server/jobs/kept_plans.h"

namespace easel::server {

// Public calls are thread-safe.
class Workforce {
 public:
  struct Running {
    std::string id, client_id, node;  // node: empty between nodes, and while its client is not to know of the job yet
  };

  virtual ~Workforce() = default;

  // Interrupts the running job of that id, or whatever runs when it is empty. False when no such job runs.
  virtual bool interrupt(const std::string& id) = 0;
  // Before the next job, or at once when none runs.
  virtual void free_memory(bool models, bool results) = 0;
  virtual std::vector<Running> running_jobs() const = 0;

  virtual JobWaiters& waiters() = 0;
  // Of jobs that wait for a worker of this process.
  virtual KeptPlans& plans() = 0;
};

}  // namespace easel::server
