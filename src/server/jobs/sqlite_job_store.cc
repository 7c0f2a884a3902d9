#include <sqlite3.h>

#include <chrono>
#include <mutex>

#include "base/error.h"
#include "server/jobs/job_store.h"

namespace easel::server {
namespace {

constexpr int kBusyMilliseconds = 5000;  // a lock of another program's is waited for

int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

// One connection; every statement goes through here so that failures carry the file's name.
class Database {
 public:
  explicit Database(const std::string& path) : path_(path) {
    if (sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        nullptr) != SQLITE_OK) {
      const std::string why = db_ ? sqlite3_errmsg(db_) : "out of memory";
      sqlite3_close(db_);
      throw Error(Fault::kBadFile, "cannot open the job store: " + why).in_file(path);
    }
    sqlite3_busy_timeout(db_, kBusyMilliseconds);
  }
  ~Database() { sqlite3_close_v2(db_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void script(const char* sql) {
    if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail();
  }
  int64_t changes() const { return sqlite3_changes64(db_); }
  sqlite3* handle() const { return db_; }
  [[noreturn]] void fail() const {
    const int code = sqlite3_errcode(db_) & 0xFF;  // without the extension that says where
    Error error(code == SQLITE_FULL || code == SQLITE_NOMEM       ? Fault::kMemory
                : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? Fault::kBadFile
                                                                  : Fault::kInternal,
                std::string("job store: ") + sqlite3_errmsg(db_));
    error.in_file(path_);
    if (error.fault() == Fault::kBadFile)
      error.fix("Move it away, with its -wal and -shm files, to start with an empty queue and history");
    throw error;
  }

 private:
  std::string path_;
  sqlite3* db_ = nullptr;
};

class Statement {
 public:
  Statement(Database& db, const std::string& sql) : db_(db) {
    if (sqlite3_prepare_v2(db.handle(), sql.c_str(), static_cast<int>(sql.size()), &s_, nullptr) != SQLITE_OK)
      db.fail();
  }
  ~Statement() { sqlite3_finalize(s_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(const std::string& v) {
    return check(sqlite3_bind_text(s_, ++n_, v.data(), static_cast<int>(v.size()), SQLITE_TRANSIENT));
  }
  Statement& bind(int64_t v) { return check(sqlite3_bind_int64(s_, ++n_, v)); }
  Statement& bind(int v) { return bind(static_cast<int64_t>(v)); }
  Statement& bind(double v) { return check(sqlite3_bind_double(s_, ++n_, v)); }
  Statement& bind(JobState v) { return bind(static_cast<int64_t>(v)); }

  bool row() {
    const int code = sqlite3_step(s_);
    if (code != SQLITE_ROW && code != SQLITE_DONE) db_.fail();
    return code == SQLITE_ROW;
  }
  void run() {
    while (row()) {
    }
  }

  std::string text(int i) const {
    const auto* p = sqlite3_column_text(s_, i);
    return p ? std::string(reinterpret_cast<const char*>(p), static_cast<size_t>(sqlite3_column_bytes(s_, i)))
             : std::string();
  }
  int64_t integer(int i) const { return sqlite3_column_int64(s_, i); }
  double real(int i) const { return sqlite3_column_double(s_, i); }

 private:
  Statement& check(int code) {
    if (code != SQLITE_OK) db_.fail();
    return *this;
  }
  Database& db_;
  sqlite3_stmt* s_ = nullptr;
  int n_ = 0;
};

// Takes the write lock at once, so that what is read inside stays true until the commit. `flush`: the commit waits
// until the disk has it; without, it survives the end of the process but perhaps not a failure of the power.
class Transaction {
 public:
  explicit Transaction(Database& db, bool flush = true) : db_(db), flush_(db, flush) { db_.script("BEGIN IMMEDIATE"); }
  ~Transaction() {
    if (!done_) sqlite3_exec(db_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit() {
    db_.script("COMMIT");
    done_ = true;
  }

 private:
  // Ends after the transaction, also where that could not begin: the next one is flushed again.
  struct Flushing {
    Flushing(Database& d, bool flush) : db(d), unflushed(!flush) {
      if (unflushed) db.script("PRAGMA synchronous = NORMAL");
    }
    ~Flushing() {
      if (unflushed) sqlite3_exec(db.handle(), "PRAGMA synchronous = FULL", nullptr, nullptr, nullptr);
    }
    Flushing(const Flushing&) = delete;
    Flushing& operator=(const Flushing&) = delete;
    Database& db;
    const bool unflushed;
  };
  Database& db_;
  const Flushing flush_;
  bool done_ = false;
};

constexpr const char* kSchema = R"sql(
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, number REAL NOT NULL, state INTEGER NOT NULL, prompt TEXT NOT NULL, extra_data TEXT NOT NULL,
    targets TEXT NOT NULL, client_id TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, outputs TEXT NOT NULL DEFAULT '{}',
    messages TEXT NOT NULL DEFAULT '[]', meta TEXT NOT NULL DEFAULT '{}', failure TEXT NOT NULL DEFAULT '',
    created INTEGER NOT NULL, started INTEGER NOT NULL DEFAULT 0, finished INTEGER NOT NULL DEFAULT 0,
    ended_as INTEGER NOT NULL DEFAULT 0, seq INTEGER NOT NULL);
  CREATE INDEX IF NOT EXISTS jobs_queue ON jobs(state, number, seq);
  CREATE INDEX IF NOT EXISTS jobs_history ON jobs(ended_as) WHERE ended_as > 0;
  CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
  PRAGMA user_version = 1;
)sql";

// ended_as counts finished jobs in the order in which they ended (0: not ended, or cancelled).
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
      db_.script(kSchema);
    } catch (const Error& e) {
      if (e.fault() != Fault::kInternal) throw;
      throw Error(Fault::kBadFile, e.message()).in_file(path);  // no defect: the file cannot be used
    }
  }

  Job add(Job job, bool front, bool keep_number) override {
    std::lock_guard lock(mutex_);
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

  std::optional<Job> take_next() override {
    std::lock_guard lock(mutex_);
    if (select("WHERE state = 0 LIMIT 1").empty()) return std::nullopt;
    constexpr bool kFlush = false;  // a job that is pending again after all is run, as it would be anyway
    Transaction t(db_, kFlush);
    auto jobs = select("WHERE state = 0 ORDER BY number, seq LIMIT 1");
    if (jobs.empty()) return std::nullopt;
    Job& job = jobs.front();
    job.state = JobState::kRunning;
    job.started_ms = now_ms();
    ++job.attempts;
    Statement(db_, "UPDATE jobs SET state = 1, attempts = ?, started = ? WHERE id = ?")
        .bind(job.attempts)
        .bind(job.started_ms)
        .bind(job.id)
        .run();
    t.commit();
    return job;
  }

  void requeue(const std::string& id) override {
    std::lock_guard lock(mutex_);
    Statement(db_, "UPDATE jobs SET state = 0, started = 0, attempts = max(0, attempts - 1) WHERE id = ? AND state = 1")
        .bind(id)
        .run();
  }

  bool finish(const std::string& id, const JobResult& result) override {
    std::lock_guard lock(mutex_);
    Transaction t(db_);
    const int64_t order = next("ended");
    Statement(db_,
              "UPDATE jobs SET state = ?, outputs = ?, messages = ?, meta = ?, failure = ?, finished = ?, ended_as = ? "
              "WHERE id = ? AND state = 1")
        .bind(result.state)
        .bind(result.outputs)
        .bind(result.messages)
        .bind(result.meta)
        .bind(result.failure)
        .bind(now_ms())
        .bind(order)
        .bind(id)
        .run();
    if (db_.changes() == 0) return false;
    t.commit();
    return true;
  }

  int64_t cancel(const std::vector<std::string>& ids) override {
    std::lock_guard lock(mutex_);
    Transaction t(db_);
    int64_t n = 0;
    for (const auto& id : ids) {
      Statement(db_, "UPDATE jobs SET state = ?, finished = ? WHERE id = ? AND state = 0")
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
    std::lock_guard lock(mutex_);
    Transaction t(db_);
    std::vector<std::string> order;
    Statement pending(db_, "SELECT id FROM jobs WHERE state = 0 ORDER BY number, seq");
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
    std::lock_guard lock(mutex_);
    return select("WHERE state = 0 ORDER BY number, seq LIMIT " + std::to_string(limit));
  }
  std::vector<Job> running() const override {
    std::lock_guard lock(mutex_);
    return select("WHERE state = 1 ORDER BY number, seq");
  }
  int64_t queue_length() const override {
    std::lock_guard lock(mutex_);
    Statement s(db_, "SELECT count(*) FROM jobs WHERE state <= 1");
    return s.row() ? s.integer(0) : 0;
  }
  std::optional<Job> get(const std::string& id) const override {
    std::lock_guard lock(mutex_);
    Statement s(db_, std::string("SELECT ") + kColumns + " FROM jobs WHERE id = ?");
    if (!s.bind(id).row()) return std::nullopt;
    return read_job(s);
  }

  std::vector<Job> history(const HistoryQuery& q) const override {
    std::lock_guard lock(mutex_);
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
    std::lock_guard lock(mutex_);
    Transaction t(db_);
    for (const auto& id : ids) Statement(db_, "DELETE FROM jobs WHERE id = ? AND state > 1").bind(id).run();
    t.commit();
  }
  void forget_all() override {
    std::lock_guard lock(mutex_);
    Statement(db_, "DELETE FROM jobs WHERE state > 1").run();
  }
  void trim_history(int64_t keep) override {
    std::lock_guard lock(mutex_);
    // Those that were cancelled are no part of the history, and must not push anything out of it.
    for (const char* which : {"ended_as > 0", "ended_as = 0 AND state > 1"}) {
      const std::string all(which);
      Statement(db_, "DELETE FROM jobs WHERE " + all + " AND id NOT IN (SELECT id FROM jobs WHERE " + all +
                         " ORDER BY ended_as DESC, finished DESC, seq DESC LIMIT ?)")
          .bind(keep)
          .run();
    }
  }

  std::vector<Job> recover(int max_attempts) override {
    std::lock_guard lock(mutex_);
    Transaction t(db_);
    std::vector<Job> failed = select("WHERE state = 1 AND attempts >= " + std::to_string(max_attempts));
    for (Job& job : failed) {
      job.state = JobState::kFailed;
      job.failure =
          "set aside: the server ended abruptly " + std::to_string(job.attempts) + " times while this job was running";
      Statement(db_, "UPDATE jobs SET state = ?, failure = ?, finished = ?, ended_as = ? WHERE id = ?")
          .bind(job.state)
          .bind(job.failure)
          .bind(now_ms())
          .bind(next("ended"))
          .bind(job.id)
          .run();
    }
    Statement(db_, "UPDATE jobs SET state = 0, started = 0 WHERE state = 1").run();
    t.commit();
    return failed;
  }

  bool paused() const override {
    std::lock_guard lock(mutex_);
    Statement s(db_, "SELECT value FROM facts WHERE name = 'paused'");
    return s.row() && s.integer(0) != 0;
  }
  void set_paused(bool paused) override {
    std::lock_guard lock(mutex_);
    Statement(
        db_,
        "INSERT INTO facts(name, value) VALUES('paused', ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value")
        .bind(paused ? 1 : 0)
        .run();
  }

 private:
  // Counts up a named number inside the surrounding transaction; the first one is 1.
  int64_t next(const std::string& name) {
    Statement s(db_,
                "INSERT INTO facts(name, value) VALUES(?, 1) ON CONFLICT(name) DO UPDATE SET value = value + 1 "
                "RETURNING value");
    int64_t value = 0;
    s.bind(name);
    while (s.row()) value = s.integer(0);
    return value;
  }
  std::vector<Job> select(const std::string& tail) const {
    Statement s(db_, std::string("SELECT ") + kColumns + " FROM jobs " + tail);
    std::vector<Job> jobs;
    while (s.row()) jobs.push_back(read_job(s));
    return jobs;
  }

  mutable std::mutex mutex_;
  mutable Database db_;
};

}  // namespace

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

std::unique_ptr<JobStore> open_sqlite_job_store(const std::string& path) {
  return std::make_unique<SqliteJobStore>(path);
}

}  // namespace easel::server
