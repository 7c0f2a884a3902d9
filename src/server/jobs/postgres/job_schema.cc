#include "server/jobs/postgres/job_schema.h"

#include <chrono>
#include <iterator>
#include <string>
#include <thread>

#include "base/error.h"

namespace easel::server::postgres {
namespace {

// `number` orders the queue, `seq` is the order in which jobs were accepted; `ended_as` counts those that ended. Times
// are milliseconds since 1970. `call` tells whether a claim that was cut off has gone through. `needs` names a set of
// models, 0 none; `passed_at` is when a runner first left the job for the sake of models in memory. `entry` is new
// whenever a runner's models are. Rows are rewritten a few times within seconds, for which their pages have room, and
// dead ones are cleared away soon.
constexpr const char* kCreate = R"sql(
  CREATE TABLE facts (name text PRIMARY KEY, value bigint NOT NULL);
  CREATE TABLE model_sets (id serial PRIMARY KEY, digest bytea NOT NULL UNIQUE, models text NOT NULL);
  INSERT INTO model_sets(id, digest, models) VALUES (0, sha256(convert_to('[]', 'UTF8')), '[]');
  CREATE SEQUENCE job_seq;
  CREATE SEQUENCE job_tokens;
  CREATE SEQUENCE job_ends;
  CREATE TABLE jobs (
    id text PRIMARY KEY, number double precision NOT NULL, seq bigint NOT NULL, state integer NOT NULL DEFAULT 0,
    prompt text NOT NULL, extra_data text NOT NULL, targets text NOT NULL, client_id text NOT NULL,
    needs integer NOT NULL DEFAULT 0, attempts integer NOT NULL DEFAULT 0, outputs text NOT NULL DEFAULT '{}',
    messages text NOT NULL DEFAULT '[]', meta text NOT NULL DEFAULT '{}', failure text NOT NULL DEFAULT '',
    created bigint NOT NULL, started bigint NOT NULL DEFAULT 0, finished bigint NOT NULL DEFAULT 0,
    ended_as bigint NOT NULL DEFAULT 0, worker text NOT NULL DEFAULT '', lease_until bigint NOT NULL DEFAULT 0,
    token bigint NOT NULL DEFAULT 0, call bigint NOT NULL DEFAULT 0, interrupt boolean NOT NULL DEFAULT false,
    passed_at bigint NOT NULL DEFAULT 0)
    WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
  CREATE INDEX jobs_queue ON jobs(number, seq) WHERE state = 0;
  CREATE INDEX jobs_running ON jobs(number, seq) WHERE state = 1;
  CREATE UNIQUE INDEX jobs_token ON jobs(token) WHERE token > 0;
  CREATE INDEX jobs_history ON jobs(ended_as) WHERE ended_as > 0;
  CREATE INDEX jobs_finished ON jobs(finished, seq) WHERE state > 1;
  CREATE INDEX jobs_cancelled ON jobs(finished, seq) WHERE state = 5;
  CREATE SEQUENCE runner_entries;
  CREATE TABLE runners (
    name text PRIMARY KEY, instance text NOT NULL, version text NOT NULL, device text NOT NULL, memory bigint NOT NULL,
    models text NOT NULL, state integer NOT NULL, job text NOT NULL DEFAULT '', resident text NOT NULL DEFAULT '[]',
    resident_sets integer[] NOT NULL DEFAULT '{0}', steps_per_second double precision NOT NULL DEFAULT 0,
    entry bigint NOT NULL, started bigint NOT NULL, seen bigint NOT NULL)
    WITH (fillfactor = 50, autovacuum_vacuum_threshold = 100);
  CREATE TABLE artifacts (
    area integer NOT NULL, folder text NOT NULL, file text NOT NULL, sha256 text NOT NULL, bytes bigint NOT NULL,
    changed bigint NOT NULL, PRIMARY KEY (area, folder, file));
  CREATE INDEX artifacts_contents ON artifacts(sha256);
  CREATE INDEX artifacts_age ON artifacts(area, changed);
  CREATE TABLE artifact_numbers (
    area integer NOT NULL, folder text NOT NULL, stem text NOT NULL, last bigint NOT NULL,
    PRIMARY KEY (area, folder, stem));
  CREATE TABLE front_ends (name text PRIMARY KEY, url text NOT NULL, listeners text NOT NULL, seen bigint NOT NULL)
    WITH (fillfactor = 50);
)sql";

// Within a millisecond several names are given, and the newest comes first: their times are microseconds.
constexpr const char* kFinerTimes = "UPDATE artifacts SET changed = changed * 1000";

// kSteps[v] makes version v + 1 of version v.
constexpr const char* kSteps[] = {kCreate, kFinerTimes};
static_assert(std::size(kSteps) == kSchemaVersion);

// Held shared by every connection, and alone by who changes the tables. Any number will do that nobody else uses.
constexpr int64_t kLock = 0x6561'7365'6c00;
constexpr auto kWaitForOthers = std::chrono::seconds(5);
constexpr auto kLookEvery = std::chrono::milliseconds(100);

// 0: there are no tables.
int64_t version_of(Connection& connection) {
  if (connection.run("SELECT to_regclass('easel.facts') IS NOT NULL").flag(0, 0) == false) return 0;
  const Rows rows = connection.run("SELECT value FROM easel.facts WHERE name = 'version'");
  return rows.empty() ? 0 : rows.integer(0, 0);
}

Error of_another_version(int64_t version) {
  return Error(Fault::kUnsupported, "the database of the job store has version " + std::to_string(version) +
                                        " and this Easel knows versions up to " + std::to_string(kSchemaVersion))
      .fix("Use the newer Easel that the rest of the fleet uses, or a database of its own");
}

void migrate(Connection& connection) {
  const auto until = std::chrono::steady_clock::now() + kWaitForOthers;
  while (!connection.run("SELECT pg_try_advisory_lock($1)", values(kLock)).flag(0, 0)) {
    // Machines of a fleet that start together find one empty database: another has made the tables, and uses them now.
    if (version_of(connection) == kSchemaVersion) return;
    if (std::chrono::steady_clock::now() >= until)
      throw Error(Fault::kUnsupported,
                  "the database of the job store is of an older version, and other programs use it")
          .fix("Stop the front ends and runners of the older Easel, and start this one again");
    std::this_thread::sleep_for(kLookEvery);
  }
  Transaction transaction(connection);
  const int64_t version = version_of(connection);  // once more, now that nobody else can change it
  if (version > kSchemaVersion) throw of_another_version(version);
  if (version == kSchemaVersion) return;
  if (version == 0) connection.script("CREATE SCHEMA IF NOT EXISTS easel");
  for (int64_t v = version; v < kSchemaVersion; ++v) connection.script(kSteps[v]);
  connection.run(
      "INSERT INTO facts(name, value) VALUES('version', $1) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
      values(kSchemaVersion));
  transaction.commit();
}

}  // namespace

void prepare_schema(Connection& connection) {
  const int64_t version = version_of(connection);
  if (version > kSchemaVersion || version < 0) throw of_another_version(version);
  if (version < kSchemaVersion) migrate(connection);
}

void use_schema(Connection& connection) {
  if (!connection.run("SELECT pg_try_advisory_lock_shared($1)", values(kLock)).flag(0, 0))
    throw Lost{"its tables are being changed by another Easel"};
  if (const int64_t version = version_of(connection); version != kSchemaVersion) throw of_another_version(version);
}

}  // namespace easel::server::postgres
