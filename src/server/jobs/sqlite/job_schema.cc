#include "server/jobs/sqlite/job_schema.h"

#include <iterator>

#include "base/error.h"
#include "server/jobs/job_store.h"

namespace easel::server {
namespace {

using sqlite::Database;
using sqlite::Statement;
using sqlite::Transaction;

// `number` orders the queue, `seq` is the order in which jobs were accepted. `ended_as` counts finished jobs in the
// order in which they ended (0: not ended, or cancelled). `facts` holds counters, and whether the queue is paused.
void create(Database& db) {
  db.script(R"sql(
    CREATE TABLE jobs (
      id TEXT PRIMARY KEY, number REAL NOT NULL, state INTEGER NOT NULL, prompt TEXT NOT NULL, extra_data TEXT NOT NULL,
      targets TEXT NOT NULL, client_id TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
      outputs TEXT NOT NULL DEFAULT '{}', messages TEXT NOT NULL DEFAULT '[]', meta TEXT NOT NULL DEFAULT '{}',
      failure TEXT NOT NULL DEFAULT '', created INTEGER NOT NULL, started INTEGER NOT NULL DEFAULT 0,
      finished INTEGER NOT NULL DEFAULT 0, ended_as INTEGER NOT NULL DEFAULT 0, seq INTEGER NOT NULL);
    CREATE INDEX jobs_queue ON jobs(state, number, seq);
    CREATE INDEX jobs_history ON jobs(ended_as) WHERE ended_as > 0;
    CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
  )sql");
}

void add_column(Database& db, const std::string& name, const std::string& definition) {
  Statement known(db, "SELECT 1 FROM pragma_table_info('jobs') WHERE name = ?");
  if (!known.bind(name).row()) db.script("ALTER TABLE jobs ADD COLUMN " + name + " " + definition);
}

// Who runs a job, until when that may be believed, and the token of the claim. A job that runs already has no lease:
// whoever began it is gone. Easel 0.1.0 can still use the file, and then writes its own version, 1, back into it: so
// a column may be there already.
void add_claims(Database& db) {
  add_column(db, "worker", "TEXT NOT NULL DEFAULT ''");
  add_column(db, "lease_until", "INTEGER NOT NULL DEFAULT 0");
  add_column(db, "token", "INTEGER NOT NULL DEFAULT 0");
}

// What a job needs of its runner, and whether a running one is to be interrupted.
void add_needs(Database& db) {
  add_column(db, "needs", "TEXT NOT NULL DEFAULT '[]'");
  add_column(db, "interrupt", "INTEGER NOT NULL DEFAULT 0");
}

// How long a job's texts are, in indexes from which the queue and the history are summed up without reading the texts.
// Jobs that Easel 0.1.0 added count as empty until they end.
void add_sizes(Database& db) {
  add_column(db, "bytes", "INTEGER NOT NULL DEFAULT 0");
  std::string sum;
  for (const char* text : {"prompt", "extra_data", "targets", "outputs", "messages", "meta"})
    sum += (sum.empty() ? "length(CAST(" : " + length(CAST(") + std::string(text) + " AS BLOB))";
  db.script("UPDATE jobs SET bytes = max(" + std::to_string(kLeastJobBytes) + ", " + sum + ") WHERE bytes = 0");
  db.script(
      "CREATE INDEX IF NOT EXISTS jobs_sizes ON jobs(state, bytes);"
      "CREATE INDEX IF NOT EXISTS jobs_history_sizes ON jobs(ended_as, bytes) WHERE ended_as > 0;"
      "DROP INDEX IF EXISTS jobs_history");
}

// kSteps[v] makes version v + 1 of version v.
constexpr void (*kSteps[])(Database&) = {create, add_claims, add_needs, add_sizes};
static_assert(std::size(kSteps) == kJobSchemaVersion);

int64_t version_of(Database& db) {
  Statement s(db, "PRAGMA user_version");
  const int64_t version = s.row() ? s.integer(0) : 0;
  if (version >= 0 && version <= kJobSchemaVersion) return version;
  throw Error(Fault::kUnsupported, "the job store has version " + std::to_string(version) +
                                       " and this Easel knows versions up to " + std::to_string(kJobSchemaVersion))
      .in_file(db.path())
      .fix("Use the newer Easel that wrote it, or give this one a folder of its own with --user-dir");
}

}  // namespace

void prepare_job_schema(Database& db) {
  version_of(db);
  db.script("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  Transaction t(db);
  const int64_t version = version_of(db);  // once more, now that nobody else can change it
  if (version == kJobSchemaVersion) return;
  for (int64_t v = version; v < kJobSchemaVersion; ++v) kSteps[v](db);
  db.script("PRAGMA user_version = " + std::to_string(kJobSchemaVersion));
  t.commit();
}

}  // namespace easel::server
