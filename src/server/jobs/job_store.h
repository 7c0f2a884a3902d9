// The one place where jobs live. A job is accepted once add() has returned, and from then on it ends
// exactly once, whatever happens in between to the process that accepted it or to the worker that runs it.
//
// Workers claim jobs. A claim is good for a limited time, its lease, and is renewed while the worker computes; a job
// whose lease has ended is given to the next worker. Each claim has a token of its own, and only the token of a job's
// newest claim can end the job: a worker that was thought dead and comes back late is refused.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "server/jobs/job_notices.h"
#include "server/jobs/runner_table.h"

namespace easel::server {

// The numbers are what a store keeps: they never change, new ones go to the end.
enum class JobState { kPending = 0, kRunning = 1, kSuccess = 2, kFailed = 3, kInterrupted = 4, kCancelled = 5 };
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
  int64_t created_ms = 0, started_ms = 0, finished_ms = 0;  // milliseconds since 1970, by the store's clock
  std::vector<ModelFile> needs = {};  // files that its prompt names; only a runner that has them all gets the job
  std::string worker = {};            // who runs it, or ran it last; not kept by stores of one process
  // Of a pending job: why no living runner can run it, in words for people ("no runner has
  // sd_xl_base_1.0.safetensors"); empty when one can. Only pending() says it, and get().
  std::string obstacle = {};
};

// What a claim is worth when it is renewed.
enum class Hold {
  kLost,       // it is no longer the job's newest, or the job has ended: whoever computes should stop
  kKept,       // it is good for another lease
  kInterrupt,  // the same, and somebody wants the job to be interrupted
};

struct EndedJob {
  std::string id, client_id;
  JobState state = JobState::kSuccess;
};

// Names one claim of one job. A store never gives the same token twice; later claims have larger ones.
enum class ClaimToken : int64_t {};

// A job and the right to run it.
struct Claim {
  Job job;
  ClaimToken token{};
};

using Lease = std::chrono::milliseconds;

// How a run ended.
struct JobResult {
  JobState state = JobState::kSuccess;
  std::string outputs = "{}", messages = "[]", meta = "{}", failure;
};

struct HistoryQuery {
  int64_t max_items = -1;  // -1: all
  int64_t offset = -1;     // -1: the newest max_items; otherwise counted from the oldest
};

// How much text of jobs a store holds: prompts and what came with them, and in the history what they gave. A picture's
// workflow is some 100 KB; who asks for the queue or the history gets all of it at once.
struct StoreLimits {
  int64_t queue_bytes = int64_t{512} << 20;
  int64_t history_bytes = int64_t{512} << 20;
};

// The error of JobStore::add() for a queue that is full.
Error queue_is_full(const StoreLimits& limits);
// What a job counts for in the queue: the texts that a client sent with it, and at least so many bytes, which limits
// how many jobs there are.
constexpr int64_t kLeastJobBytes = 4096;
int64_t sent_bytes(const Job& job);
// Summing up takes a look at each job that waits, so that it is not done for every small one: the queue may hold a few
// more of them than it should.
constexpr int64_t kLookAtJobBytes = int64_t{1} << 20, kLookEachJobs = 64;

// Thread-safe. Every call is atomic, and durable when it returns; only claim() and renew() may be forgotten in a
// failure of the power that ends the worker as well, and the job is then pending again. Methods throw an Error naming
// the store when it cannot be read or written: kMemory when the disk is full, kBadFile when the file is damaged,
// kInternal otherwise. A shared store waits for a database that is away, for a bounded time.
//
// Every store passes tests/server/job_store_contract_test.cc.
class JobStore {
 public:
  virtual ~JobStore() = default;

  // Accepts a job: all that a client sent, and what it needs. job.number is set here: the next one, or before all
  // others when `front`; a number given by the caller is kept when `keep_number`. Throws Error(kInvalid) when the id
  // exists already, and Error(kMemory) when what waits and runs would hold more than StoreLimits::queue_bytes with it.
  virtual Job add(Job job, bool front, bool keep_number) = 0;

  // Marks the first pending job as running, counting the attempt, and returns it; nothing when idle. `worker` is a name
  // that no other living worker has. The lease ends `lease` from now, by the store's clock.
  // A worker that this store object has entered into runners() gets only jobs whose models it has, and of those first
  // what needs no more than it has in memory: another job is passed over for that for a bounded time, after which it
  // is the next one (SharedStoreOptions::prefer_resident_for). A worker that is not in the table gets any job.
  virtual std::optional<Claim> claim(const std::string& worker, Lease lease) = 0;
  // The lease ends `lease` from now instead. A claim whose lease is over can be renewed while nobody else has the job.
  virtual Hold renew(ClaimToken token, Lease lease) = 0;
  // Ends a running job: history is written and the queue left in one step. False, and nothing is changed, when the
  // claim is no longer the job's newest, or the job has ended.
  virtual bool finish(ClaimToken token, const JobResult& result) = 0;
  // The running job goes back to the place in the queue it came from, and the attempt is not counted: for a worker that
  // stops in good order. One that is to be interrupted ends as such instead. False as for finish().
  virtual bool give_back(ClaimToken token) = 0;

  // Running jobs whose lease ended more than `grace` ago go back to their place in the queue, but one that was started
  // `max_attempts` times without ending is failed with the reason, and one that is to be interrupted ends as such.
  // Returns those that ended.
  virtual std::vector<Job> requeue_expired(int max_attempts, Lease grace = Lease(0)) = 0;
  // The same for all that `worker` holds, whatever their leases: for a worker that starts, and has lost what a process
  // of its name held before.
  virtual std::vector<Job> requeue_claims_of(const std::string& worker, int max_attempts) = 0;

  // Running jobs that are to be interrupted: renew() says so to who runs them, and a notice does. Returns how many of
  // them run. The mark stays until the job ends.
  virtual int64_t interrupt(const std::vector<std::string>& ids) = 0;
  // Pending jobs taken out of the queue for good, and what they were to compute. Returns how many.
  virtual int64_t cancel(const std::vector<std::string>& ids) = 0;
  // Moves a pending job: it will run before `before`, or last when empty. False when either is not pending.
  virtual bool move(const std::string& id, const std::string& before) = 0;

  virtual std::vector<Job> pending(int64_t limit = -1) const = 0;  // in order of execution
  virtual std::vector<Job> running() const = 0;
  virtual int64_t queue_length() const = 0;  // pending and running
  virtual std::optional<Job> get(const std::string& id) const = 0;
  // Finished jobs, oldest first. Cancelled ones are not part of the history.
  virtual std::vector<Job> history(const HistoryQuery& query) const = 0;
  // All that ended, or were cancelled, within the time given until now, in no order: for who may have missed a notice.
  // A job may come again in the next call.
  virtual std::vector<EndedJob> ended_within(std::chrono::milliseconds time) const = 0;
  virtual void forget(const std::vector<std::string>& ids) = 0;  // deletes history entries
  virtual void forget_all() = 0;
  // Keeps the newest `keep` history entries, and of those as many as StoreLimits::history_bytes allow, one at least.
  virtual void trim_history(int64_t keep) = 0;

  // Whether workers leave the queue alone; survives a restart. claim() itself does not ask.
  virtual bool paused() const = 0;
  virtual void set_paused(bool paused) = 0;

  // Wake-ups for listeners of this process, about what any process does to the store.
  virtual JobNotices& notices() = 0;
  // How long a worker without a job, or a front end that waits for one, may rely on notices alone before it looks into
  // the store.
  virtual std::chrono::milliseconds look_again() const = 0;
  // The runners of this store.
  virtual RunnerTable& runners() = 0;
};

}  // namespace easel::server
