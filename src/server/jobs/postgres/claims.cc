#include "server/jobs/postgres/claims.h"

#include <algorithm>
#include <random>

#include "base/files/utf8.h"
#include "server/jobs/postgres/job_rows.h"
#include "server/jobs/postgres/notices.h"
#include "server/jobs/postgres/sql.h"

namespace easel::server::postgres {
namespace {

using What = Notice::What;

// While the database was away nobody could renew a lease: who claimed before that has so long to come back, in
// milliseconds.
constexpr int64_t kAfterStart = 10000;
const std::string kDatabaseStart = "(extract(epoch FROM pg_postmaster_start_time()) * 1000)::bigint";

// A number that no other call has.
int64_t call_number() {
  thread_local std::mt19937_64 random{std::random_device{}()};
  return static_cast<int64_t>(random() >> 1);
}

// What a running job is told by, as text that the database takes: results come from nodes, which may say anything.
std::string clean(const std::string& text) {
  if (text.find('\0') == std::string::npos && is_utf8(text)) return text;
  std::string out;
  for (size_t i = 0; i < text.size();) {
    size_t length = 1;
    while (length < 4 && i + length < text.size() && !is_utf8(std::string_view(text).substr(i, length))) ++length;
    const std::string_view character = std::string_view(text).substr(i, length);
    if (is_utf8(character) && character != std::string_view("\0", 1)) {
      out += character;
      i += length;
    } else {
      out += '?';
      ++i;
    }
  }
  return out;
}

// The first of the jobs in the order of the queue that no other claim has locked just now.
const std::string kFirst = " ORDER BY number, seq LIMIT 1 FOR UPDATE SKIP LOCKED";

// $1 worker, $2 lease, $3 call. `chosen`, a table of the statement, gives the id of the job.
std::string claim_of(const std::string& chosen, const std::string& condition = {}) {
  return "UPDATE jobs j SET state = 1, attempts = attempts + 1, started = " + kNow +
         ", worker = $1, lease_until = " + kNow +
         " + $2::bigint, token = nextval('job_tokens'), call = $3, interrupt = false, passed_at = 0 FROM " + chosen +
         " WHERE j.id = chosen.id" + condition + " RETURNING " + kJobColumns + ", j.token";
}

// $4 the sets of models that the worker has, $5 those in memory, $6 how long jobs are left for their sake, $7 after
// which time a runner counts as gone. `near` is the first job for which nothing is to be loaded, or which has been left
// for too long; without one, `far` is the first job that no idle runner has the models of in memory. The first job of
// all, if it is neither, is marked: from now on it is not left for ever. It is looked up before the update, which would
// hide it: hence the condition.
std::string claim_fitting_sql() {
  const std::string fits = "SELECT id FROM jobs w WHERE state = 0 AND needs = ANY($4::int[])";
  return "WITH near AS (" + fits + " AND (needs = ANY($5::int[]) OR (passed_at > 0 AND passed_at < " + kNow +
         " - $6::bigint))" + kFirst + "), far AS (" + fits +
         " AND NOT EXISTS (SELECT FROM near) AND NOT EXISTS (SELECT FROM runners r WHERE r.name <> $1 AND r.state = 0 "
         "AND r.seen > " +
         kNow + " - $7::bigint AND w.needs = ANY(r.resident_sets))" + kFirst +
         "), chosen AS (SELECT id FROM near UNION ALL SELECT id FROM far), front AS (" + fits + kFirst +
         "), passed AS (UPDATE jobs SET passed_at = " + kNow +
         " WHERE id = (SELECT id FROM front) AND passed_at = 0 AND state = 0 AND NOT EXISTS (SELECT FROM chosen WHERE "
         "chosen.id = jobs.id)), "
         "busy AS (UPDATE runners SET state = 1, job = chosen.id FROM chosen WHERE name = $1 AND state = 0) " +
         claim_of("chosen, (SELECT count(*) AS number FROM front) first", " AND first.number >= 0");
}

// After a job: its runner, $1, takes the next one.
const std::string kIdleRunner =
    "UPDATE runners r SET state = 0, job = '' FROM ended e WHERE r.name = e.worker AND r.state = 1";

Claim claim_in(const Rows& rows) {
  return {read_job(rows, 0), static_cast<ClaimToken>(rows.integer(0, kJobColumnCount))};
}

// A claim of a call whose answer was lost.
std::optional<Claim> earlier_claim(Connection& connection, const std::string& worker, int64_t call) {
  const Rows rows = connection.run(
      "SELECT " + kJobColumns + ", j.token" + kFromJobs + "WHERE state = 1 AND worker = $1 AND call = $2",
      values(worker, call));
  if (rows.empty()) return std::nullopt;
  return claim_in(rows);
}

}  // namespace

std::optional<Claim> Claims::claim(const std::string& worker, Lease lease) {
  const int64_t call = call_number();
  return pool_.run([&](Connection& connection, bool again) -> std::optional<Claim> {
    if (again)
      if (auto earlier = earlier_claim(connection, worker, call)) return earlier;
    if (!runners_.fits(worker).known) return claim_any(connection, worker, lease, call);
    // First, or what the runner has in memory would be taken for unfit, and the next best job for the best.
    runners_.read_sets(connection);
    return claim_fitting(connection, worker, lease, call);
  });
}

std::optional<Claim> Claims::claim_any(Connection& connection, const std::string& worker, Lease lease, int64_t call) {
  static const std::string kSql =
      "WITH chosen AS (SELECT id FROM jobs WHERE state = 0" + kFirst + ") " + claim_of("chosen");
  const Rows rows = connection.run(kSql, values(worker, lease.count(), call));
  if (rows.empty()) return std::nullopt;
  return claim_in(rows);
}

std::optional<Claim> Claims::claim_fitting(Connection& connection, const std::string& worker, Lease lease,
                                           int64_t call) {
  static const std::string kSql = claim_fitting_sql();
  const Runners::Fits fits = runners_.fits(worker);
  const Rows rows = connection.run(
      kSql, values(worker, lease.count(), call, fits.all, fits.near, int64_t{prefer_resident_for_.count()},
                   int64_t{std::chrono::milliseconds(RunnerTable::kAliveFor).count()}));
  if (rows.empty()) return std::nullopt;
  return claim_in(rows);
}

Hold Claims::renew(ClaimToken token, Lease lease) {
  return pool_.run([&](Connection& connection, bool) {
    const Rows rows = connection.run(
        "UPDATE jobs SET lease_until = " + kNow +
            " + $2::bigint WHERE token = $1 AND token > 0 AND state = 1 RETURNING interrupt, " + kUnflushed,
        values(token, lease.count()));
    if (rows.empty()) return Hold::kLost;
    return rows.flag(0, 0) ? Hold::kInterrupt : Hold::kKept;
  });
}

bool Claims::finish(ClaimToken token, const JobResult& result) {
  return pool_.run([&](Connection& connection, bool again) {
    static const std::string kSql =
        "WITH ended AS (UPDATE jobs SET state = $2, outputs = $3, messages = $4, meta = $5, failure = $6, finished = " +
        kNow +
        ", ended_as = nextval('job_ends'), lease_until = 0, interrupt = false "
        "WHERE token = $1 AND token > 0 AND state = 1 RETURNING id, worker), idle AS (" +
        kIdleRunner + ") SELECT id FROM ended";
    const Rows rows = connection.run(kSql, values(token, result.state, clean(result.outputs), clean(result.messages),
                                                  clean(result.meta), clean(result.failure)));
    if (!rows.empty()) {
      notify(connection, {What::kEnded, rows.text(0, 0)});
      return true;
    }
    // Whatever else ends a claim takes its token away.
    if (!again) return false;
    const Rows ended =
        connection.run("SELECT id FROM jobs WHERE token = $1 AND token > 0 AND state > 1", values(token));
    if (ended.empty()) return false;
    notify(connection, {What::kEnded, ended.text(0, 0)});
    return true;
  });
}

bool Claims::give_back(ClaimToken token) {
  return pool_.run([&](Connection& connection, bool) {
    static const std::string kSql =
        "WITH held AS (SELECT id, worker FROM jobs WHERE token = $1 AND token > 0 AND state = 1 FOR UPDATE), "
        "ended AS (UPDATE jobs j SET state = CASE WHEN interrupt THEN 4 ELSE 0 END, "
        "failure = CASE WHEN interrupt THEN 'interrupted' ELSE '' END, finished = CASE WHEN interrupt THEN " +
        kNow +
        " ELSE 0 END, ended_as = CASE WHEN interrupt THEN nextval('job_ends') ELSE 0 END, "
        "attempts = CASE WHEN interrupt THEN attempts ELSE greatest(0, attempts - 1) END, "
        "started = CASE WHEN interrupt THEN started ELSE 0 END, worker = CASE WHEN interrupt THEN j.worker ELSE '' "
        "END, "
        "lease_until = 0, token = 0, interrupt = false FROM held WHERE j.id = held.id "
        "RETURNING j.id, held.worker, j.state), idle AS (" +
        kIdleRunner + ") SELECT id, state FROM ended";
    const Rows rows = connection.run(kSql, values(token));
    if (rows.empty()) return false;
    notify(connection, {rows.integer(0, 1) == 0 ? What::kQueue : What::kEnded, rows.text(0, 0)});
    return true;
  });
}

std::vector<Job> Claims::requeue_expired(int max_attempts, Lease grace) {
  return requeue("lease_until < " + kNow + " - $2::bigint AND NOT (started < " + kDatabaseStart + " AND " + kNow +
                     " < " + kDatabaseStart + " + $3::bigint)",
                 values(grace.count(), kAfterStart), max_attempts);
}

std::vector<Job> Claims::requeue_claims_of(const std::string& worker, int max_attempts) {
  return requeue("worker = $2", values(worker), max_attempts);
}

std::vector<Job> Claims::requeue(const std::string& condition, const Values& condition_values, int max_attempts) {
  Values all = values(max_attempts);
  for (const std::string& text : condition_values.texts()) all.add(text);
  return pool_.run([&](Connection& connection, bool) {
    const Rows rows = connection.run(
        "WITH gone AS (SELECT id, interrupt, attempts FROM jobs WHERE state = 1 AND " + condition +
            " FOR UPDATE SKIP LOCKED), "
            "fate AS (SELECT id, CASE WHEN interrupt THEN 4 WHEN attempts >= $1::int THEN 3 ELSE 0 END AS state "
            "FROM gone) "
            "UPDATE jobs j SET state = fate.state, failure = CASE fate.state WHEN 0 THEN '' WHEN 4 THEN 'interrupted' "
            "ELSE 'set aside: its runner ended abruptly, or was cut off, ' || attempts || ' times while this job was "
            "running; the last one was ' || worker END, "
            "finished = CASE fate.state WHEN 0 THEN 0 ELSE " +
            kNow +
            " END, ended_as = CASE fate.state WHEN 0 THEN 0 ELSE nextval('job_ends') END, "
            "started = CASE fate.state WHEN 0 THEN 0 ELSE started END, "
            "worker = CASE fate.state WHEN 0 THEN '' ELSE worker END, lease_until = 0, token = 0, interrupt = false "
            "FROM fate WHERE j.id = fate.id RETURNING " +
            kJobColumns,
        all);
    std::vector<Job> ended;
    std::vector<std::string> ids;
    bool put_back = false;
    for (Job& job : read_jobs(rows)) {
      if (job.state == JobState::kPending) put_back = true;
      else ended.push_back(std::move(job));
    }
    std::sort(ended.begin(), ended.end(), [](const Job& a, const Job& b) { return a.number < b.number; });
    for (const Job& job : ended) ids.push_back(job.id);
    notify(connection, What::kEnded, ids);
    if (put_back) notify(connection, {What::kQueue, {}});
    return ended;
  });
}

}  // namespace easel::server::postgres
