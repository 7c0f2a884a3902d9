// A process that claims jobs of a store and ends them, until it is killed (main.cc).
#pragma once

#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "server/child_process.h"
#include "server/jobs/open_job_store.h"

namespace easel::server::testing {

class ClaimerChild {
 public:
  explicit ClaimerChild(const std::string& store) { child_.begin({"EASEL_TEST_CLAIM=" + store}); }

 private:
  ChildProcess child_;
};

// What the child does. What a job shows says which process ended it, at which attempt.
inline void claim_as_child(const std::string& store_name) {
  const auto store = open_job_store(store_name);
  const std::string name = "child-" + std::to_string(::getpid());
  for (;;) {
    const auto claim = store->claim(name, std::chrono::milliseconds(500));
    std::this_thread::sleep_for(std::chrono::milliseconds(claim ? 3 : 10));
    if (!claim) continue;
    JobResult result;
    result.outputs = "{\"by\":\"" + name + "\",\"attempt\":" + std::to_string(claim->job.attempts) + "}";
    store->finish(claim->token, result);
  }
}

}  // namespace easel::server::testing
