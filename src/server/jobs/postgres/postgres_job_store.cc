#include "server/jobs/postgres/postgres_job_store.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <tuple>

#include "base/error.h"
#include "server/jobs/postgres/claims.h"
#include "server/jobs/postgres/job_rows.h"
#include "server/jobs/postgres/job_schema.h"
#include "server/jobs/postgres/notices.h"
#include "server/jobs/postgres/pool.h"
#include "server/jobs/postgres/runners.h"
#include "server/jobs/postgres/sql.h"

namespace easel::server {
namespace postgres {
namespace {

using What = Notice::What;

// The database knows how long texts are without reading them.
const std::string kSentBytes = "greatest(" + std::to_string(kLeastJobBytes) +
                               ", octet_length(prompt)::bigint + octet_length(extra_data) + octet_length(targets))";

// The set of models that a job needs, in one order, so that equal ones are one row.
std::string set_text(std::vector<ModelFile> needs) {
  std::sort(needs.begin(), needs.end(), [](const ModelFile& a, const ModelFile& b) {
    return std::tie(a.kind, a.name, a.identity) < std::tie(b.kind, b.name, b.identity);
  });
  needs.erase(std::unique(needs.begin(), needs.end()), needs.end());
  return models_text(needs);
}

class PostgresJobStore final : public JobStore {
 public:
  PostgresJobStore(const std::string& url, const SharedStoreOptions& options, const StoreLimits& limits)
      : limits_(limits),
        pool_(url, options.patience, options.connections, use_schema),
        runners_(pool_),
        claims_(pool_, runners_, options.prefer_resident_for),
        look_again_(options.look_again),
        notices_([this] { listener_.start(); }),
        listener_(url, notices_) {
    check_url(url);
    prepare(url, options.patience);
    pool_.run([](Connection&, bool) {});
  }

  Job add(Job job, bool front, bool keep_number) override {
    job.state = JobState::kPending;
    const std::string needs = set_text(job.needs);
    const bool look = sent_bytes(job) > kLookAtJobBytes || added_++ % kLookEachJobs == 0;
    return pool_.run([&](Connection& connection, bool again) {
      if (look && !again && queued_bytes(connection) + sent_bytes(job) > limits_.queue_bytes)
        throw queue_is_full(limits_);
      // A number of its own for each try: those that are left out do no harm.
      Values all = values(job.id, job.prompt, job.extra_data, job.targets, job.client_id, needs);
      all.add(keep_number ? 0 : front ? -1 : 1).add(job.number);
      static const std::string kInsert =
          "INSERT INTO jobs(id, prompt, extra_data, targets, client_id, needs, number, seq, created) "
          "SELECT $1, $2, $3, $4, $5, s.id, CASE WHEN $7::int = 0 THEN $8::float8 ELSE $7::int * n.seq END, n.seq, " +
          kNow +
          " FROM (SELECT nextval('job_seq') AS seq) n, model_sets s WHERE s.digest = sha256(convert_to($6, 'UTF8')) "
          "ON CONFLICT (id) DO NOTHING RETURNING number, created";
      Rows rows = connection.run(kInsert, all);
      if (rows.empty()) {
        add_set(connection, needs);
        rows = connection.run(kInsert, all);
      }
      if (rows.empty()) return known_job(connection, job, again);
      Job out = job;
      out.number = rows.real(0, 0);
      out.created_ms = rows.integer(0, 1);
      notify(connection, {What::kQueue, job.id});
      return out;
    });
  }

  std::optional<Claim> claim(const std::string& worker, Lease lease) override { return claims_.claim(worker, lease); }
  Hold renew(ClaimToken token, Lease lease) override { return claims_.renew(token, lease); }
  bool finish(ClaimToken token, const JobResult& result) override { return claims_.finish(token, result); }
  bool give_back(ClaimToken token) override { return claims_.give_back(token); }
  std::vector<Job> requeue_expired(int max_attempts, Lease grace) override {
    return claims_.requeue_expired(max_attempts, grace);
  }
  std::vector<Job> requeue_claims_of(const std::string& worker, int max_attempts) override {
    return claims_.requeue_claims_of(worker, max_attempts);
  }

  int64_t interrupt(const std::vector<std::string>& ids) override {
    return pool_.run([&](Connection& connection, bool) {
      const Rows rows = connection.run("UPDATE jobs SET interrupt = true WHERE id = ANY($1) AND state = 1 RETURNING id",
                                       values(text_array(ids)));
      notify(connection, What::kInterrupt, rows.texts(0));
      return int64_t{rows.size()};
    });
  }

  int64_t cancel(const std::vector<std::string>& ids) override {
    return pool_.run([&](Connection& connection, bool) {
      const Rows rows = connection.run(
          "UPDATE jobs SET state = 5, finished = " + kNow +
              ", prompt = '{}', extra_data = '{}', targets = '[]' WHERE id = ANY($1) AND state = 0 RETURNING id",
          values(text_array(ids)));
      notify(connection, What::kEnded, rows.texts(0));
      if (!rows.empty()) notify(connection, {What::kQueue, {}});
      return int64_t{rows.size()};
    });
  }

  bool move(const std::string& id, const std::string& before) override {
    return pool_.run([&](Connection& connection, bool) {
      Transaction transaction(connection);
      if (!place(connection, id, before)) return false;
      transaction.commit();
      notify(connection, {What::kQueue, id});
      return true;
    });
  }

  std::vector<Job> pending(int64_t limit) const override {
    auto jobs = select("WHERE state = 0 ORDER BY number, seq LIMIT nullif($1::bigint, -1)", values(limit));
    find_obstacles(jobs);
    return jobs;
  }
  std::vector<Job> running() const override { return select("WHERE state = 1 ORDER BY number, seq"); }
  int64_t queue_length() const override {
    return pool_.run([](Connection& connection, bool) {
      return connection
          .run("SELECT (SELECT count(*) FROM jobs WHERE state = 0) + (SELECT count(*) FROM jobs WHERE state = 1)")
          .integer(0, 0);
    });
  }
  std::optional<Job> get(const std::string& id) const override {
    auto jobs = select("WHERE j.id = $1", values(id));
    if (jobs.empty()) return std::nullopt;
    find_obstacles(jobs);
    return std::move(jobs.front());
  }
  std::vector<Job> history(const HistoryQuery& q) const override {
    const Values limits = values(q.max_items < 0 ? -1 : q.max_items);
    if (q.offset >= 0 || q.max_items < 0)
      return select("WHERE ended_as > 0 ORDER BY ended_as LIMIT nullif($1::bigint, -1) OFFSET $2",
                    Values(limits).add(std::max<int64_t>(q.offset, 0)));
    auto jobs = select("WHERE ended_as > 0 ORDER BY ended_as DESC LIMIT $1", limits);
    std::reverse(jobs.begin(), jobs.end());
    return jobs;
  }
  std::vector<EndedJob> ended_within(std::chrono::milliseconds time) const override {
    return pool_.run([&](Connection& connection, bool) {
      const Rows rows =
          connection.run("SELECT id, client_id, state FROM jobs WHERE state > 1 AND finished >= " + kNow + " - $1",
                         values(static_cast<int64_t>(time.count())));
      std::vector<EndedJob> out;
      for (int i = 0; i < rows.size(); ++i)
        out.push_back({rows.text(i, 0), rows.text(i, 1), static_cast<JobState>(rows.integer(i, 2))});
      return out;
    });
  }

  void forget(const std::vector<std::string>& ids) override {
    change("DELETE FROM jobs WHERE id = ANY($1) AND state > 1", values(text_array(ids)));
  }
  void forget_all() override { change("DELETE FROM jobs WHERE state > 1"); }
  void trim_history(int64_t keep) override {
    change(
        "DELETE FROM jobs WHERE ended_as > 0 AND ended_as <= "
        "(SELECT ended_as FROM jobs WHERE ended_as > 0 ORDER BY ended_as DESC OFFSET $1 LIMIT 1)",
        values(keep));
    // Those that were cancelled are no part of the history, and must not push anything out of it.
    change(
        "DELETE FROM jobs WHERE state = 5 AND (finished, seq) <= "
        "(SELECT finished, seq FROM jobs WHERE state = 5 ORDER BY finished DESC, seq DESC OFFSET $1 LIMIT 1)",
        values(keep));
    change(
        "DELETE FROM jobs WHERE ended_as > 0 AND ended_as < (SELECT max(ended_as) FROM jobs WHERE ended_as > 0) AND "
        "ended_as <= (SELECT max(ended_as) FROM (SELECT ended_as, sum(" +
            kSentBytes +
            " + octet_length(outputs) + octet_length(messages) + octet_length(meta)) OVER (ORDER BY ended_as DESC) AS "
            "newer FROM jobs WHERE ended_as > 0) sums WHERE newer > $1)",
        values(limits_.history_bytes));
  }

  bool paused() const override {
    return pool_.run([](Connection& connection, bool) {
      const Rows rows = connection.run("SELECT value FROM facts WHERE name = 'paused'");
      return !rows.empty() && rows.integer(0, 0) != 0;
    });
  }
  void set_paused(bool paused) override {
    change("INSERT INTO facts(name, value) VALUES('paused', $1) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
           values(paused ? 1 : 0));
    pool_.run([](Connection& connection, bool) { notify(connection, {What::kQueue, {}}); });
  }

  JobNotices& notices() override { return notices_; }
  std::chrono::milliseconds look_again() const override { return look_again_; }
  RunnerTable& runners() override { return runners_; }

 private:
  static int64_t queued_bytes(Connection& connection) {
    const std::string sum = "(SELECT coalesce(sum(" + kSentBytes + "), 0) FROM jobs WHERE state = ";
    return connection.run("SELECT (" + sum + "0) + " + sum + "1))::bigint").integer(0, 0);
  }

  // On a connection of its own, which keeps its lock on the tables no longer than it must.
  static void prepare(const std::string& url, std::chrono::milliseconds patience) {
    Pool(url, patience, 1, prepare_schema).run([](Connection&, bool) {});
  }

  // Enters a set of models, unless it is there already: then another has entered it meanwhile, or it was not missing.
  static void add_set(Connection& connection, const std::string& needs) {
    const Rows rows = connection.run(
        "INSERT INTO model_sets(digest, models) VALUES(sha256(convert_to($1, 'UTF8')), $1) "
        "ON CONFLICT (digest) DO NOTHING RETURNING id",
        values(needs));
    if (!rows.empty()) Runners::add_set(connection, rows.integer(0, 0), models_from(needs));
  }

  // The job of this id that is there. Only if the answer to an earlier try was lost may it be the same one.
  static Job known_job(Connection& connection, const Job& job, bool again) {
    const Rows rows = connection.run(
        "SELECT number, created FROM jobs WHERE id = $1 AND prompt = $2 AND extra_data = $3 AND targets = $4 AND "
        "client_id = $5",
        values(job.id, job.prompt, job.extra_data, job.targets, job.client_id));
    if (rows.empty() || !again) throw Error(Fault::kInvalid, "a job with the id '" + job.id + "' exists already");
    Job out = job;
    out.number = rows.real(0, 0);
    out.created_ms = rows.integer(0, 1);
    notify(connection, {What::kQueue, job.id});
    return out;
  }

  // Gives a pending job a number between those of its new neighbours. False when either job is not pending.
  static bool place(Connection& connection, const std::string& id, const std::string& before) {
    connection.run("SELECT pg_advisory_xact_lock(hashtext('easel.move'))");  // one at a time
    const auto locked = [&](const std::string& one) {
      return connection.run("SELECT number, seq FROM jobs WHERE id = $1 AND state = 0 FOR UPDATE", values(one));
    };
    if (locked(id).empty()) return false;
    if (id == before) return true;
    if (before.empty()) {
      connection.run(
          "UPDATE jobs SET number = greatest(nextval('job_seq')::float8, 1 + coalesce((SELECT max(number) FROM jobs "
          "WHERE state = 0 AND id <> $1), 0)) WHERE id = $1",
          values(id));
      return true;
    }
    const Rows anchor = locked(before);
    if (anchor.empty()) return false;
    const double below = anchor.real(0, 0);
    const Rows previous = connection.run(
        "SELECT number FROM jobs WHERE state = 0 AND id <> $1 AND (number, seq) < ($2, $3) "
        "ORDER BY number DESC, seq DESC LIMIT 1",
        values(id, below, anchor.integer(0, 1)));
    const double above = previous.empty() ? below - 2 : previous.real(0, 0);
    const double between = above + (below - above) / 2;
    if (between > above && between < below)
      connection.run("UPDATE jobs SET number = $2 WHERE id = $1", values(id, between));
    else deal_out(connection, id, before);
    return true;
  }

  // New numbers for the whole queue, below the next one that add() will give, where there is none between two.
  static void deal_out(Connection& connection, const std::string& id, const std::string& before) {
    connection.run(
        "WITH top AS (SELECT nextval('job_seq')::float8 AS value), "
        "anchor AS (SELECT number, seq FROM jobs WHERE id = $2), "
        "queue AS (SELECT j.id, row_number() OVER (ORDER BY "
        "  CASE WHEN j.id = $1 THEN a.number ELSE j.number END, CASE WHEN j.id = $1 THEN a.seq ELSE j.seq END, "
        "  CASE WHEN j.id = $1 THEN 0 ELSE 1 END) AS place, count(*) OVER () AS length "
        "  FROM jobs j, anchor a WHERE j.state = 0) "
        "UPDATE jobs SET number = top.value - 1 + queue.place::float8 / (queue.length + 1) FROM queue, top "
        "WHERE jobs.id = queue.id",
        values(id, before));
  }

  void change(const std::string& sql, const Values& all = {}) const {
    pool_.run([&](Connection& connection, bool) { connection.run(sql, all); });
  }
  std::vector<Job> select(const std::string& tail, const Values& all = {}) const {
    return pool_.run([&](Connection& connection, bool) {
      return read_jobs(connection.run("SELECT " + kJobColumns + kFromJobs + tail, all));
    });
  }
  void find_obstacles(std::vector<Job>& jobs) const {
    std::map<std::string, std::string> known;
    std::optional<std::vector<RunnerInfo>> all;
    for (Job& job : jobs) {
      if (job.state != JobState::kPending || job.needs.empty()) continue;
      const auto [it, fresh] = known.try_emplace(models_text(job.needs));
      if (fresh) {
        if (!all) all = runners_.all();
        it->second = obstacle(job.needs, *all);
      }
      job.obstacle = it->second;
    }
  }

  const StoreLimits limits_;
  std::atomic<int64_t> added_ = 0;
  mutable Pool pool_;
  Runners runners_;
  Claims claims_;
  const std::chrono::milliseconds look_again_;
  JobNotices notices_;
  Listener listener_;
};

}  // namespace
}  // namespace postgres

std::unique_ptr<JobStore> open_postgres_job_store(const std::string& url, const SharedStoreOptions& options,
                                                  const StoreLimits& limits) {
  return std::make_unique<postgres::PostgresJobStore>(url, options, limits);
}

}  // namespace easel::server
