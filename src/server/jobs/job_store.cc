#include "server/jobs/job_store.h"

#include <algorithm>

namespace easel::server {

const char* job_state_name(JobState state) {
  switch (state) {
    case JobState::kPending: return "pending";
    case JobState::kRunning: return "running";
    case JobState::kSuccess: return "success";
    case JobState::kFailed: return "error";
    case JobState::kInterrupted: return "interrupted";
    case JobState::kCancelled: return "cancelled";
  }
  return "?";
}

Error queue_is_full(const StoreLimits& limits) {
  return Error(Fault::kMemory, "the queue is full: what waits and runs has " +
                                   std::to_string(limits.queue_bytes >> 20) + " MiB of text at most")
      .fix("Wait until jobs have ended, or take some out of the queue (easel queue, or the page)");
}

int64_t sent_bytes(const Job& job) {
  return std::max(kLeastJobBytes, static_cast<int64_t>(job.prompt.size() + job.extra_data.size() + job.targets.size()));
}

}  // namespace easel::server
