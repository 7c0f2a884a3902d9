#include "server/jobs/sqlite/sqlite_job_store.h"

#include <chrono>

#include "base/error.h"
#include "base/mutex.h"
#include "server/jobs/clock.h"
#include "server/jobs/sqlite/database.h"
#include "server/jobs/sqlite/job_schema.h"

namespace easel::server {
namespace {

using sqlite::Database;
using sqlite::Statement;
using sqlite::Transaction;

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
const std::string kInterrupted = "interrupted";

constexpr const char* kColumns =
    "id, number, state, prompt, extra_data, targets, client_id, attempts, outputs, messages, meta, failure, created, "
    "started, finished, needs, worker";

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
  job.needs = models_from(s.text(15));
  job.worker = s.text(16);
  return job;
}

class SqliteJobStore final : public JobStore {
 public:
  SqliteJobStore(const std::string& path, const StoreLimits& limits) : limits_(limits), db_(path) {
    try {
      prepare_job_schema(db_);
    } catch (const Error& e) {
      if (e.fault() != Fault::kInternal) throw;
      throw Error(Fault::kBadFile, e.message()).in_file(path);  // no defect: the file cannot be used
    }
  }

  Job add(Job job, bool front, bool keep_number) override {
    {
      MutexLock lock(mutex_);
      Transaction t(db_);
      Statement known(db_, "SELECT 1 FROM jobs WHERE id = ?");
      if (known.bind(job.id).row()) throw Error(Fault::kInvalid, "a job with the id '" + job.id + "' exists already");
      const int64_t bytes = sent_bytes(job);
      if ((bytes > kLookAtJobBytes || added_++ % kLookEachJobs == 0) && queued_bytes() + bytes > limits_.queue_bytes)
        throw queue_is_full(limits_);
      const int64_t seq = next("seq");
      if (!keep_number) job.number = front ? -static_cast<double>(seq) : static_cast<double>(seq);
      job.state = JobState::kPending;
      job.created_ms = now_ms();
      Statement(db_,
                "INSERT INTO jobs(id, number, state, prompt, extra_data, targets, client_id, created, seq, needs, "
                "bytes) VALUES(?,?,?,?,?,?,?,?,?,?,?)")
          .bind(job.id)
          .bind(job.number)
          .bind(job.state)
          .bind(job.prompt)
          .bind(job.extra_data)
          .bind(job.targets)
          .bind(job.client_id)
          .bind(job.created_ms)
          .bind(seq)
          .bind(models_text(job.needs))
          .bind(bytes)
          .run();
      t.commit();
    }
    tell(Notice::What::kQueue, job.id);
    return job;
  }

  std::optional<Claim> claim(const std::string& worker, Lease lease) override {
    const auto models = models_of(worker);
    MutexLock lock(mutex_);
    if (select("WHERE " + kIsPending + " LIMIT 1").empty()) return std::nullopt;  // idle: without the write lock
    // A claim that the power took with it is no loss, as it took the worker too: the job is pending again.
    Transaction t(db_, Transaction::Flush::kSystem);
    auto first = first_for(models);
    if (!first) return std::nullopt;
    Claim out{std::move(*first), static_cast<ClaimToken>(next("token"))};
    Job& job = out.job;
    job.state = JobState::kRunning;
    job.started_ms = now_ms();
    job.worker = worker;
    ++job.attempts;
    Statement(db_,
              "UPDATE jobs SET state = ?, attempts = ?, started = ?, worker = ?, lease_until = ?, token = ?, "
              "interrupt = 0 WHERE id = ?")
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

  Hold renew(ClaimToken token, Lease lease) override {
    MutexLock lock(mutex_);
    Transaction t(db_, Transaction::Flush::kSystem);
    Statement s(db_, "UPDATE jobs SET lease_until = ? WHERE token = ? AND " + kIsRunning + " RETURNING interrupt");
    s.bind(now_ms() + lease.count()).bind(token);
    Hold hold = Hold::kLost;
    while (s.row()) hold = s.integer(0) != 0 ? Hold::kInterrupt : Hold::kKept;
    if (hold != Hold::kLost) t.commit();
    return hold;
  }

  bool finish(ClaimToken token, const JobResult& result) override {
    std::string id;
    {
      MutexLock lock(mutex_);
      Transaction t(db_);
      const int64_t order = next("ended");
      Statement(
          db_,
          "UPDATE jobs SET state = ?, outputs = ?, messages = ?, meta = ?, failure = ?, finished = ?, ended_as = ?, "
          "bytes = bytes + ? WHERE token = ? AND " +
              kIsRunning)
          .bind(result.state)
          .bind(result.outputs)
          .bind(result.messages)
          .bind(result.meta)
          .bind(result.failure)
          .bind(now_ms())
          .bind(order)
          .bind(static_cast<int64_t>(result.outputs.size() + result.messages.size() + result.meta.size()))
          .bind(token)
          .run();
      if (db_.changes() == 0) return false;
      id = id_of(token);
      t.commit();
    }
    tell(Notice::What::kEnded, id);
    return true;
  }

  bool give_back(ClaimToken token) override {
    std::string id;
    bool ended = false;
    {
      MutexLock lock(mutex_);
      id = id_of(token);
      Transaction t(db_);
      const std::string held = " WHERE token = ? AND " + kIsRunning;
      const std::string order = std::to_string(next("ended"));
      Statement(db_, "UPDATE jobs SET state = " + number(JobState::kInterrupted) + ", failure = '" + kInterrupted +
                         "', finished = ?, ended_as = " + order + held + " AND interrupt = 1")
          .bind(now_ms())
          .bind(token)
          .run();
      ended = db_.changes() > 0;
      if (!ended) Statement(db_, kPutBack + ", attempts = max(0, attempts - 1)" + held).bind(token).run();
      if (!ended && db_.changes() == 0) return false;
      t.commit();
    }
    tell(ended ? Notice::What::kEnded : Notice::What::kQueue, id);
    return true;
  }

  std::vector<Job> requeue_expired(int max_attempts, Lease grace) override {
    return requeue("lease_until < ?", now_ms() - grace.count(), max_attempts);
  }
  std::vector<Job> requeue_claims_of(const std::string& worker, int max_attempts) override {
    return requeue("worker = ?", worker, max_attempts);
  }

  int64_t interrupt(const std::vector<std::string>& ids) override {
    std::vector<std::string> marked;
    {
      MutexLock lock(mutex_);
      Transaction t(db_);
      for (const auto& id : ids) {
        Statement(db_, "UPDATE jobs SET interrupt = 1 WHERE id = ? AND " + kIsRunning).bind(id).run();
        if (db_.changes() > 0) marked.push_back(id);
      }
      t.commit();
    }
    for (const auto& id : marked) tell(Notice::What::kInterrupt, id);
    return static_cast<int64_t>(marked.size());
  }

  int64_t cancel(const std::vector<std::string>& ids) override {
    std::vector<std::string> gone;
    {
      MutexLock lock(mutex_);
      Transaction t(db_);
      for (const auto& id : ids) {
        Statement(db_,
                  "UPDATE jobs SET state = ?, finished = ?, prompt = '{}', extra_data = '{}', targets = '[]', "
                  "bytes = 0 WHERE id = ? AND " +
                      kIsPending)
            .bind(JobState::kCancelled)
            .bind(now_ms())
            .bind(id)
            .run();
        if (db_.changes() > 0) gone.push_back(id);
      }
      t.commit();
    }
    for (const auto& id : gone) tell(Notice::What::kEnded, id);
    if (!gone.empty()) tell(Notice::What::kQueue, {});
    return static_cast<int64_t>(gone.size());
  }

  bool move(const std::string& id, const std::string& before) override {
    {
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
    }
    tell(Notice::What::kQueue, id);
    return true;
  }

  std::vector<Job> pending(int64_t limit) const override {
    std::vector<Job> jobs;
    {
      MutexLock lock(mutex_);
      jobs = select("WHERE " + kIsPending + kInOrder + " LIMIT " + std::to_string(limit));
    }
    for (Job& job : jobs) find_obstacle(job);
    return jobs;
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
    Job job = read_job(s);
    find_obstacle(job);
    return job;
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

  std::vector<EndedJob> ended_within(std::chrono::milliseconds time) const override {
    MutexLock lock(mutex_);
    Statement s(db_, "SELECT id, client_id, state FROM jobs WHERE finished >= ? AND " + kIsFinal);
    s.bind(now_ms() - static_cast<int64_t>(time.count()));
    std::vector<EndedJob> out;
    while (s.row()) out.push_back({s.text(0), s.text(1), static_cast<JobState>(s.integer(2))});
    return out;
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
    Statement(
        db_,
        "DELETE FROM jobs WHERE ended_as > 0 AND ended_as < (SELECT max(ended_as) FROM jobs) AND ended_as <= "
        "(SELECT max(ended_as) FROM (SELECT ended_as, sum(bytes) OVER (ORDER BY ended_as DESC) AS newer FROM jobs "
        "WHERE ended_as > 0) WHERE newer > ?)")
        .bind(limits_.history_bytes)
        .run();
  }

  bool paused() const override {
    MutexLock lock(mutex_);
    Statement s(db_, "SELECT value FROM facts WHERE name = 'paused'");
    return s.row() && s.integer(0) != 0;
  }
  void set_paused(bool paused) override {
    {
      MutexLock lock(mutex_);
      Statement(
          db_,
          "INSERT INTO facts(name, value) VALUES('paused', ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value")
          .bind(paused ? 1 : 0)
          .run();
    }
    tell(Notice::What::kQueue, {});
  }

  JobNotices& notices() override { return notices_; }
  // Everything that happens to the store happens in this process.
  std::chrono::milliseconds look_again() const override { return std::chrono::minutes(10); }
  RunnerTable& runners() override { return runners_; }

 private:
  // Not under the lock: whoever listens may be in a call of the store.
  void tell(Notice::What what, const std::string& id) EASEL_EXCLUDES(mutex_) { notices_.post({what, id}); }

  // The models of a worker; nothing when it is not in the table.
  std::optional<RunnerInfo> models_of(const std::string& worker) const {
    for (RunnerInfo& runner : runners_.all())
      if (runner.name == worker) return std::move(runner);
    return std::nullopt;
  }
  void find_obstacle(Job& job) const {
    if (job.state != JobState::kPending || job.needs.empty()) return;
    const auto all = runners_.all();
    if (!all.empty()) job.obstacle = obstacle(job.needs, all);
  }
  // The first pending job that the worker can run; any, where it is not known what it has. One process has one set of
  // models, so that there is nothing to prefer.
  std::optional<Job> first_for(const std::optional<RunnerInfo>& worker) const EASEL_REQUIRES(mutex_) {
    Statement s(db_, std::string("SELECT ") + kColumns + " FROM jobs WHERE " + kIsPending + kInOrder);
    while (s.row()) {
      Job job = read_job(s);
      if (!worker || job.needs.empty() || obstacle(job.needs, {*worker}).empty()) return job;
    }
    return std::nullopt;
  }
  int64_t queued_bytes() const EASEL_REQUIRES(mutex_) {
    Statement s(db_, "SELECT coalesce(sum(bytes), 0) FROM jobs WHERE " + kIsQueued);
    return s.row() ? s.integer(0) : 0;
  }
  std::string id_of(ClaimToken token) const EASEL_REQUIRES(mutex_) {
    Statement s(db_, "SELECT id FROM jobs WHERE token = ?");
    return s.bind(token).row() ? s.text(0) : std::string();
  }

  // Running jobs for which `condition`, with one value in it, holds: back into the queue, or ended.
  template <class Value>
  std::vector<Job> requeue(const std::string& condition, const Value& value, int max_attempts) {
    const std::string chosen = " WHERE " + kIsRunning + " AND " + condition;
    std::vector<Job> ended;
    bool put_back = false;
    {
      MutexLock lock(mutex_);
      Transaction t(db_);
      Statement worn_out(db_, std::string("SELECT ") + kColumns + ", interrupt FROM jobs" + chosen +
                                  " AND (attempts >= ? OR interrupt = 1)" + kInOrder);
      worn_out.bind(value).bind(max_attempts);
      while (worn_out.row()) {
        Job job = read_job(worn_out);
        const bool interrupted = worn_out.integer(17) != 0;
        job.state = interrupted ? JobState::kInterrupted : JobState::kFailed;
        job.failure = interrupted ? kInterrupted
                                  : "set aside: the server ended abruptly " + std::to_string(job.attempts) +
                                        " times while this job was running";
        ended.push_back(std::move(job));
      }
      for (Job& job : ended) {
        job.finished_ms = now_ms();
        Statement(db_, "UPDATE jobs SET state = ?, failure = ?, finished = ?, ended_as = ? WHERE id = ?")
            .bind(job.state)
            .bind(job.failure)
            .bind(job.finished_ms)
            .bind(next("ended"))
            .bind(job.id)
            .run();
      }
      Statement(db_, kPutBack + chosen).bind(value).run();
      put_back = db_.changes() > 0;
      t.commit();
    }
    for (const Job& job : ended) tell(Notice::What::kEnded, job.id);
    if (put_back) tell(Notice::What::kQueue, {});
    return ended;
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

  const StoreLimits limits_;
  JobNotices notices_;
  LocalRunners runners_;
  // Held until the statements and the transaction of a call have ended (sqlite::Database).
  mutable Mutex mutex_;
  mutable Database db_ EASEL_GUARDED_BY(mutex_);
  int64_t added_ EASEL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

std::unique_ptr<JobStore> open_sqlite_job_store(const std::string& path, const StoreLimits& limits) {
  return std::make_unique<SqliteJobStore>(path, limits);
}

}  // namespace easel::server
