#include "server/jobs/sqlite/sqlite_job_store.h"

#include <chrono>

#include "base/error.h"
#include "base/mutex.h"
#include "server/jobs/sqlite/database.h"
#include "server/jobs/sqlite/job_schema.h"

namespace easel::server {
namespace {

using sqlite::Database;
using sqlite::Statement;
using sqlite::Transaction;

int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

// The states as they stand in SQL text.
std::string number(JobState state) { return std::to_string(static_cast<int>(state)); }
const std::string kIsPending = "state = " + number(JobState::kPending);
const std::string kIsRunning = "state = " + number(JobState::kRunning);
const std::string kIsQueued = "state IN (" + number(JobState::kPending) + ", " + number(JobState::kRunning) + ")";
const std::string kIsFinal = "state NOT IN (" + number(JobState::kPending) + ", " + number(JobState::kRunning) + ")";
const std::string kInOrder = " ORDER BY number, seq";
// What makes a running job a pending one.
const std::string kPutBack =
    "UPDATE jobs SET state = " + number(JobState::kPending) + ", started = 0, worker = '', lease_until = 0, token = 0";

constexpr const char* kColumns =
    "id, number, state, prompt, extra_data, targets, client_id, attempts, outputs, messages, meta, failure, created, "
    "started, finished";

Job read_job(const Statement& s) {
  Job job;
  job.id = s.text(0);
  job.number = s.real(1);
  job.state = static_cast<JobState>(s.integer(2));
  job.prompt = s.text(3);
  job.extra_data = s.text(4);
  job.targets = s.text(5);
  job.client_id = s.text(6);
  job.attempts = static_cast<int>(s.integer(7));
  job.outputs = s.text(8);
  job.messages = s.text(9);
  job.meta = s.text(10);
  job.failure = s.text(11);
  job.created_ms = s.integer(12);
  job.started_ms = s.integer(13);
  job.finished_ms = s.integer(14);
  return job;
}

class SqliteJobStore final : public JobStore {
 public:
  explicit SqliteJobStore(const std::string& path) : db_(path) {
    try {
      prepare_job_schema(db_);
    } catch (const Error& e) {
      if (e.fault() != Fault::kInternal) throw;
      throw Error(Fault::kBadFile, e.message()).in_file(path);  // no defect: the file cannot be used
    }
  }

  Job add(Job job, bool front, bool keep_number) override {
    MutexLock lock(mutex_);
    Transaction t(db_);
    Statement known(db_, "SELECT 1 FROM jobs WHERE id = ?");
    if (known.bind(job.id).row()) throw Error(Fault::kInvalid, "a job with the id '" + job.id + "' exists already");
    const int64_t seq = next("seq");
    if (!keep_number) job.number = front ? -static_cast<double>(seq) : static_cast<double>(seq);
    job.state = JobState::kPending;
    job.created_ms = now_ms();
    Statement(db_,
              "INSERT INTO jobs(id, number, state, prompt, extra_data, targets, client_id, created, seq) "
              "VALUES(?,?,?,?,?,?,?,?,?)")
        .bind(job.id)
        .bind(job.number)
        .bind(job.state)
        .bind(job.prompt)
        .bind(job.extra_data)
        .bind(job.targets)
        .bind(job.client_id)
        .bind(job.created_ms)
        .bind(seq)
        .run();
    t.commit();
    return job;
  }

  std::optional<Claim> claim(const std::string& worker, Lease lease) override {
    MutexLock lock(mutex_);
    if (select("WHERE " + kIsPending + " LIMIT 1").empty()) return std::nullopt;  // idle: without the write lock
    // A claim that the power took with it is no loss, as it took the worker too: the job is pending again.
    Transaction t(db_, Transaction::Flush::kSystem);
    auto jobs = select("WHERE " + kIsPending + kInOrder + " LIMIT 1");
    if (jobs.empty()) return std::nullopt;
    Claim out{std::move(jobs.front()), static_cast<ClaimToken>(next("token"))};
    Job& job = out.job;
    job.state = JobState::kRunning;
    job.started_ms = now_ms();
    ++job.attempts;
    Statement(db_,
              "UPDATE jobs SET state = ?, attempts = ?, started = ?, worker = ?, lease_until = ?, token = ? "
              "WHERE id = ?")
        .bind(job.state)
        .bind(job.attempts)
        .bind(job.started_ms)
        .bind(worker)
        .bind(job.started_ms + lease.count())
        .bind(out.token)
        .bind(job.id)
        .run();
    t.commit();
    return out;
  }

  bool renew(ClaimToken token, Lease lease) override {
    MutexLock lock(mutex_);
    Transaction t(db_, Transaction::Flush::kSystem);
    Statement(db_, "UPDATE jobs SET lease_until = ? WHERE token = ? AND " + kIsRunning)
        .bind(now_ms() + lease.count())
        .bind(token)
        .run();
    if (db_.changes() == 0) return false;
    t.commit();
    return true;
  }

  bool finish(ClaimToken token, const JobResult& result) override {
    MutexLock lock(mutex_);
    Transaction t(db_);
    const int64_t order = next("ended");
    Statement(db_,
              "UPDATE jobs SET state = ?, outputs = ?, messages = ?, meta = ?, failure = ?, finished = ?, ended_as = ? "
              "WHERE token = ? AND " +
                  kIsRunning)
        .bind(result.state)
        .bind(result.outputs)
        .bind(result.messages)
        .bind(result.meta)
        .bind(result.failure)
        .bind(now_ms())
        .bind(order)
        .bind(token)
        .run();
    if (db_.changes() == 0) return false;
    t.commit();
    return true;
  }

  bool give_back(ClaimToken token) override {
    MutexLock lock(mutex_);
    Statement(db_, kPutBack + ", attempts = max(0, attempts - 1) WHERE token = ? AND " + kIsRunning).bind(token).run();
    return db_.changes() > 0;
  }

  std::vector<Job> requeue_expired(int64_t now, int max_attempts) override {
    MutexLock lock(mutex_);
    return requeue("lease_until < ?", now, max_attempts);
  }
  std::vector<Job> requeue_claims_of(const std::string& worker, int max_attempts) override {
    MutexLock lock(mutex_);
    return requeue("worker = ?", worker, max_attempts);
  }

  int64_t cancel(const std::vector<std::string>& ids) override {
    MutexLock lock(mutex_);
    Transaction t(db_);
    int64_t n = 0;
    for (const auto& id : ids) {
      Statement(db_, "UPDATE jobs SET state = ?, finished = ? WHERE id = ? AND " + kIsPending)
          .bind(JobState::kCancelled)
          .bind(now_ms())
          .bind(id)
          .run();
      n += db_.changes();
    }
    t.commit();
    return n;
  }

  bool move(const std::string& id, const std::string& before) override {
    MutexLock lock(mutex_);
    Transaction t(db_);
    std::vector<std::string> order;
    Statement pending(db_, "SELECT id FROM jobs WHERE " + kIsPending + kInOrder);
    bool found = false, anchor = before.empty();
    while (pending.row()) {
      std::string other = pending.text(0);
      if (other == before) {
        anchor = true;
        if (id != before) order.push_back(id);
      }
      if (other == id) found = true;
      if (other != id || id == before) order.push_back(std::move(other));
    }
    if (!found || !anchor) return false;
    if (before.empty()) order.push_back(id);
    // Numbers are dealt out again in the new order, below the next one that add() will give.
    const auto top = static_cast<double>(next("seq"));
    for (size_t i = 0; i < order.size(); ++i)
      Statement(db_, "UPDATE jobs SET number = ? WHERE id = ?")
          .bind(top - 1 + static_cast<double>(i + 1) / static_cast<double>(order.size() + 1))
          .bind(order[i])
          .run();
    t.commit();
    return true;
  }

  std::vector<Job> pending(int64_t limit) const override {
    MutexLock lock(mutex_);
    return select("WHERE " + kIsPending + kInOrder + " LIMIT " + std::to_string(limit));
  }
  std::vector<Job> running() const override {
    MutexLock lock(mutex_);
    return select("WHERE " + kIsRunning + kInOrder);
  }
  int64_t queue_length() const override {
    MutexLock lock(mutex_);
    Statement s(db_, "SELECT count(*) FROM jobs WHERE " + kIsQueued);
    return s.row() ? s.integer(0) : 0;
  }
  std::optional<Job> get(const std::string& id) const override {
    MutexLock lock(mutex_);
    Statement s(db_, std::string("SELECT ") + kColumns + " FROM jobs WHERE id = ?");
    if (!s.bind(id).row()) return std::nullopt;
    return read_job(s);
  }

  std::vector<Job> history(const HistoryQuery& q) const override {
    MutexLock lock(mutex_);
    const int64_t count = q.max_items < 0 ? -1 : q.max_items;
    if (q.offset < 0 && count >= 0)  // the newest ones, still oldest first
      return select(
          "WHERE ended_as > (SELECT coalesce(min(ended_as), 0) - 1 FROM (SELECT ended_as FROM jobs WHERE ended_as > 0 "
          "ORDER BY ended_as DESC LIMIT " +
          std::to_string(count) + ")) AND ended_as > 0 AND " + (count == 0 ? "0" : "1") + " ORDER BY ended_as");
    return select("WHERE ended_as > 0 ORDER BY ended_as LIMIT " + std::to_string(count) + " OFFSET " +
                  std::to_string(q.offset < 0 ? 0 : q.offset));
  }

  void forget(const std::vector<std::string>& ids) override {
    MutexLock lock(mutex_);
    Transaction t(db_);
    for (const auto& id : ids) Statement(db_, "DELETE FROM jobs WHERE id = ? AND " + kIsFinal).bind(id).run();
    t.commit();
  }
  void forget_all() override {
    MutexLock lock(mutex_);
    Statement(db_, "DELETE FROM jobs WHERE " + kIsFinal).run();
  }
  void trim_history(int64_t keep) override {
    MutexLock lock(mutex_);
    // Those that were cancelled are no part of the history, and must not push anything out of it.
    for (const std::string& all : {std::string("ended_as > 0"), "ended_as = 0 AND " + kIsFinal}) {
      Statement(db_, "DELETE FROM jobs WHERE " + all + " AND id NOT IN (SELECT id FROM jobs WHERE " + all +
                         " ORDER BY ended_as DESC, finished DESC, seq DESC LIMIT ?)")
          .bind(keep)
          .run();
    }
  }

  bool paused() const override {
    MutexLock lock(mutex_);
    Statement s(db_, "SELECT value FROM facts WHERE name = 'paused'");
    return s.row() && s.integer(0) != 0;
  }
  void set_paused(bool paused) override {
    MutexLock lock(mutex_);
    Statement(
        db_,
        "INSERT INTO facts(name, value) VALUES('paused', ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value")
        .bind(paused ? 1 : 0)
        .run();
  }

 private:
  // Running jobs for which `condition`, with one value in it, holds: back into the queue, or failed.
  template <class Value>
  std::vector<Job> requeue(const std::string& condition, const Value& value, int max_attempts) EASEL_REQUIRES(mutex_) {
    const std::string chosen = " WHERE " + kIsRunning + " AND " + condition;
    Transaction t(db_);
    std::vector<Job> failed;
    Statement worn_out(db_,
                       std::string("SELECT ") + kColumns + " FROM jobs" + chosen + " AND attempts >= ?" + kInOrder);
    worn_out.bind(value).bind(max_attempts);
    while (worn_out.row()) failed.push_back(read_job(worn_out));
    for (Job& job : failed) {
      job.state = JobState::kFailed;
      job.finished_ms = now_ms();
      job.failure =
          "set aside: the server ended abruptly " + std::to_string(job.attempts) + " times while this job was running";
      Statement(db_, "UPDATE jobs SET state = ?, failure = ?, finished = ?, ended_as = ? WHERE id = ?")
          .bind(job.state)
          .bind(job.failure)
          .bind(job.finished_ms)
          .bind(next("ended"))
          .bind(job.id)
          .run();
    }
    Statement(db_, kPutBack + chosen).bind(value).run();
    t.commit();
    return failed;
  }
  // Counts up a named number inside the surrounding transaction; the first one is 1.
  int64_t next(const std::string& name) EASEL_REQUIRES(mutex_) {
    Statement s(db_,
                "INSERT INTO facts(name, value) VALUES(?, 1) ON CONFLICT(name) DO UPDATE SET value = value + 1 "
                "RETURNING value");
    int64_t value = 0;
    s.bind(name);
    while (s.row()) value = s.integer(0);
    return value;
  }
  std::vector<Job> select(const std::string& tail) const EASEL_REQUIRES(mutex_) {
    Statement s(db_, std::string("SELECT ") + kColumns + " FROM jobs " + tail);
    std::vector<Job> jobs;
    while (s.row()) jobs.push_back(read_job(s));
    return jobs;
  }

  mutable Mutex mutex_;
  mutable Database db_ EASEL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<JobStore> open_sqlite_job_store(const std::string& path) {
  return std::make_unique<SqliteJobStore>(path);
}

}  // namespace easel::server
