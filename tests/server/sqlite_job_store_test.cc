// What is SQLite's own about its job store: files of other versions, and damaged ones.
#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "server/jobs/sqlite/job_schema.h"
#include "server/jobs/sqlite/sqlite_job_store.h"
#include "server/test_jobs.h"
#include "support/paths.h"
#include "support/temp_folder.h"

namespace easel::server {
namespace {

using easel::testing::TempFolder;
using testing::order;

int64_t version_of(const std::string& path) {
  sqlite::Database db(path);
  sqlite::Statement s(db, "PRAGMA user_version");
  return s.row() ? s.integer(0) : -1;
}

std::string file_of_release_0_1(const TempFolder& folder) {
  const std::string path = (folder.path() / "jobs.sqlite").string();
  sqlite::Database(path).script(read_file(std::string(easel::testing::kSourceDir) + "/tests/server/data/jobs_v1.sql"));
  return path;
}

void expect_the_jobs_of_release_0_1(JobStore& store) {
  EXPECT_TRUE(store.paused());
  EXPECT_EQ(order(store.history({}), " "), "done failed interrupted");
  EXPECT_EQ(order(store.pending(), " "), "first waiting");
  EXPECT_EQ(order(store.running(), " "), "running");
  EXPECT_EQ(store.get("cancelled")->state, JobState::kCancelled);
  EXPECT_EQ(store.get("interrupted")->state, JobState::kInterrupted);
  const Job done = store.get("done").value(), failed = store.get("failed").value();
  EXPECT_EQ(done.state, JobState::kSuccess);
  EXPECT_EQ(done.client_id, "me");
  EXPECT_EQ(done.number, 1);
  EXPECT_NE(done.outputs.find("x_00001_.png"), std::string::npos);
  EXPECT_NE(done.messages.find("execution_success"), std::string::npos);
  EXPECT_NE(done.extra_data.find("extra_pnginfo"), std::string::npos);
  EXPECT_EQ(failed.state, JobState::kFailed);
  EXPECT_NE(failed.failure.find("there is no picture 'gone.png'"), std::string::npos);
  EXPECT_EQ(store.get("first")->number, -7);
}

TEST(SqliteJobStore, OpensWhatTheReleaseBeforeLeft) {
  TempFolder folder;
  const std::string path = file_of_release_0_1(folder);
  {
    const auto store = open_sqlite_job_store(path);
    expect_the_jobs_of_release_0_1(*store);
    // The job that was cut off goes on, whatever name its worker has now.
    EXPECT_TRUE(store->requeue_claims_of("local", 2).empty());
    EXPECT_EQ(order(store->running(), " "), "running");
    EXPECT_TRUE(store->requeue_expired(2).empty());
    EXPECT_EQ(order(store->pending(), " "), "first running waiting");
  }
  EXPECT_EQ(version_of(path), kJobSchemaVersion);
  const auto store = open_sqlite_job_store(path);  // and once more, with nothing left to do
  EXPECT_EQ(order(store->pending(), " "), "first running waiting");
  Job job;
  job.id = "new";
  EXPECT_EQ(store->add(job, false, false).number, 8);  // counting goes on
}

// The release before can use a file of this one, and marks it as its own.
TEST(SqliteJobStore, OpensItsOwnFileAfterTheReleaseBeforeHadIt) {
  TempFolder folder;
  const std::string path = file_of_release_0_1(folder);
  open_sqlite_job_store(path);
  {
    sqlite::Database db(path);
    db.script(
        "UPDATE jobs SET state = 1, attempts = 1, started = 5 WHERE id = 'first'; PRAGMA user_version = 1; "
        "INSERT INTO jobs(id, number, state, prompt, extra_data, targets, client_id, created, seq) "
        "VALUES('more', 8, 0, '{}', '{}', '[]', '', 1, 8)");
  }
  const auto store = open_sqlite_job_store(path);
  EXPECT_EQ(order(store->running(), " "), "first running");
  store->requeue_expired(2);
  EXPECT_EQ(order(store->pending(), " "), "first running waiting more");
  EXPECT_EQ(version_of(path), kJobSchemaVersion);
}

TEST(SqliteJobStore, AMigrationThatFailsChangesNothing) {
  TempFolder folder;
  const std::string path = file_of_release_0_1(folder);
  sqlite::Database(path).script("ALTER TABLE jobs RENAME TO other; CREATE VIEW jobs AS SELECT * FROM other");
  EXPECT_THROW(open_sqlite_job_store(path), Error);
  EXPECT_EQ(version_of(path), 1);
  sqlite::Database(path).script("DROP VIEW jobs; ALTER TABLE other RENAME TO jobs");
  expect_the_jobs_of_release_0_1(*open_sqlite_job_store(path));
}

TEST(SqliteJobStore, RefusesWhatANewerEaselWrote) {
  TempFolder folder;
  const std::string path = file_of_release_0_1(folder);
  for (const int64_t version : {kJobSchemaVersion + 1, int64_t{1000}, int64_t{-1}}) {
    sqlite::Database(path).script("PRAGMA user_version = " + std::to_string(version));
    const std::string before = read_file(path);
    try {
      open_sqlite_job_store(path);
      ADD_FAILURE() << "opened version " << version;
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kUnsupported);
      EXPECT_EQ(e.file(), path);
      EXPECT_NE(e.message().find("version " + std::to_string(version)), std::string::npos) << e.what();
      EXPECT_NE(e.advice().find("--user-dir"), std::string::npos) << e.what();
    }
    EXPECT_EQ(read_file(path), before);
    EXPECT_FALSE(std::filesystem::exists(path + "-wal"));
  }
}

TEST(SqliteJobStore, SaysWhatIsWrongWithItsFile) {
  TempFolder folder;
  const std::string path = (folder.path() / "bad.sqlite").string();
  write_file(path, std::string(5000, 'x'));
  try {
    open_sqlite_job_store(path);
    ADD_FAILURE() << "opened";
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kBadFile);
    EXPECT_EQ(e.file(), path);
    EXPECT_NE(e.advice().find("Move it away"), std::string::npos) << e.what();
  }
  EXPECT_THROW(open_sqlite_job_store("/nowhere/jobs.sqlite"), Error);
  // A database of something else is left alone.
  const std::string other = (folder.path() / "other.sqlite").string();
  sqlite::Database(other).script("CREATE TABLE jobs (what TEXT)");
  EXPECT_THROW(open_sqlite_job_store(other), Error);
}

}  // namespace
}  // namespace easel::server
