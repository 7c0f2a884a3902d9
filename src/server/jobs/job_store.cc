#include "server/jobs/job_store.h"

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

}  // namespace easel::server
