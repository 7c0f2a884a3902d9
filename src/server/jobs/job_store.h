// The one place where jobs live. A job is accepted once add() has returned, and from then on it ends
// exactly once, whatever happens to the process in between.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace easel::server {

enum class JobState { kPending, kRunning, kSuccess, kFailed, kInterrupted, kCancelled };
// "pending", "running", "success", "error", "interrupted", "cancelled".
const char* job_state_name(JobState state);
inline bool is_final(JobState s) { return s != JobState::kPending && s != JobState::kRunning; }

// All JSON fields are kept as the text that was accepted.
struct Job {
  std::string id;     // prompt_id
  double number = 0;  // queue position key: lower runs first; negative ones were put in front
  JobState state = JobState::kPending;
  std::string prompt;                                       // API prompt, an object
  std::string extra_data;                                   // an object
  std::string targets;                                      // outputs to execute, an array of node ids
  std::string client_id;                                    // who gets the events; may be empty
  int attempts = 0;                                         // how often a run was started
  std::string outputs = "{}";                               // history: outputs by node id
  std::string messages = "[]";                              // history: [[event, data], ...]
  std::string meta = "{}";                                  // history: node metadata
  std::string failure;                                      // plain words, for failed jobs
  int64_t created_ms = 0, started_ms = 0, finished_ms = 0;  // milliseconds since 1970
};

// How a run ended.
struct JobResult {
  JobState state = JobState::kSuccess;
  std::string outputs = "{}", messages = "[]", meta = "{}", failure;
};

struct HistoryQuery {
  int64_t max_items = -1;  // -1: all
  int64_t offset = -1;     // -1: the newest max_items; otherwise counted from the oldest
};

// Thread-safe. Every call is atomic, and durable when it returns; only take_next() may be forgotten in a failure of the
// power, and the job is then pending again. Methods throw an Error naming the store when it cannot be read or written:
// kMemory when the disk is full, kBadFile when the file is damaged, kInternal otherwise.
class JobStore {
 public:
  virtual ~JobStore() = default;

  // Accepts a job. job.number is set here: the next one, or before all others when `front`; a number
  // given by the caller is kept when `keep_number`. Throws Error(kInvalid) when the id exists already.
  virtual Job add(Job job, bool front, bool keep_number) = 0;
  // Marks the first pending job as running, counting the attempt, and returns it; nothing when idle.
  virtual std::optional<Job> take_next() = 0;
  // The running job goes back to the place in the queue it came from; a graceful stop does not count
  // as an attempt.
  virtual void requeue(const std::string& id) = 0;
  // Ends a running job: history is written and the queue left in one step. False when it does not run.
  virtual bool finish(const std::string& id, const JobResult& result) = 0;

  // Pending jobs taken out of the queue for good. Returns how many.
  virtual int64_t cancel(const std::vector<std::string>& ids) = 0;
  // Moves a pending job: it will run before `before`, or last when empty. False when either is not pending.
  virtual bool move(const std::string& id, const std::string& before) = 0;

  virtual std::vector<Job> pending(int64_t limit = -1) const = 0;  // in order of execution
  virtual std::vector<Job> running() const = 0;
  virtual int64_t queue_length() const = 0;  // pending and running
  virtual std::optional<Job> get(const std::string& id) const = 0;
  // Finished jobs, oldest first. Cancelled ones are not part of the history.
  virtual std::vector<Job> history(const HistoryQuery& query) const = 0;
  virtual void forget(const std::vector<std::string>& ids) = 0;  // deletes history entries
  virtual void forget_all() = 0;
  // Keeps the newest `keep` history entries.
  virtual void trim_history(int64_t keep) = 0;

  // Called once at start: jobs found running were cut off. They go back to the front of the queue, but
  // one that was started `max_attempts` times without ending is failed with the reason. Returns those.
  virtual std::vector<Job> recover(int max_attempts) = 0;

  // Whether take_next() should be called; survives a restart.
  virtual bool paused() const = 0;
  virtual void set_paused(bool paused) = 0;
};

// A store in an SQLite file (write-ahead log, synchronous). ":memory:" for tests. Throws Error(kBadFile) when the file
// cannot be used.
std::unique_ptr<JobStore> open_sqlite_job_store(const std::string& path);

}  // namespace easel::server
