// What is the store on PostgreSQL's own: versions of its tables, lost connections, and texts that a database refuses.
// How jobs go to runners is in placement_test.cc, what happens under load in fleet_load_test.cc.
#include <gtest/gtest.h>

#include "base/error.h"
#include "server/cutting_proxy.h"
#include "server/jobs/open_job_store.h"
#include "server/postgres_server.h"
#include "server/test_jobs.h"

#ifdef EASEL_HAS_POSTGRES
#include "server/jobs/postgres/job_schema.h"

namespace easel::server {
namespace {

using testing::CuttingProxy;
using testing::order;
using testing::PostgresServer;
using testing::shared_postgres;
using testing::test_job;

constexpr Lease kMinute = std::chrono::minutes(1);

void run(const std::string& url, const std::string& sql) { postgres::Connection(url).script(sql); }

int64_t version_of(const std::string& url) {
  postgres::Connection connection(url);
  if (!connection.run("SELECT to_regclass('easel.facts') IS NOT NULL").flag(0, 0)) return 0;
  return connection.run("SELECT value FROM easel.facts WHERE name = 'version'").integer(0, 0);
}

// The error that `action` throws.
template <class Action>
Error error_of(Action action) {
  try {
    action();
  } catch (const Error& e) {
    return e;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Error(Fault::kInternal, "");
}

class PostgresJobStore : public ::testing::Test {
 protected:
  void SetUp() override { EASEL_NEEDS_POSTGRES(); }
};

TEST_F(PostgresJobStore, ManyMayOpenANewDatabaseAtOnce) {
  const std::string url = shared_postgres().new_database();
  std::vector<std::thread> openers;
  for (int i = 0; i < 6; ++i)
    openers.emplace_back([&, i] {
      EXPECT_NO_THROW(open_job_store(url, {.connections = 1})->add(test_job(std::to_string(i)), false, false));
    });
  for (auto& t : openers) t.join();
  EXPECT_EQ(version_of(url), postgres::kSchemaVersion);
  EXPECT_EQ(open_job_store(url)->queue_length(), 6);
}

TEST_F(PostgresJobStore, RefusesADatabaseOfANewerEasel) {
  const std::string url = shared_postgres().new_database();
  const auto before = open_job_store(url, {.patience = std::chrono::seconds(5)});
  before->add(test_job("a"), false, false);
  run(url, "UPDATE facts SET value = 99 WHERE name = 'version'");
  const Error e = error_of([&] { open_job_store(url); });
  EXPECT_EQ(e.fault(), Fault::kUnsupported);
  EXPECT_NE(std::string(e.what()).find("version 99"), std::string::npos) << e.what();
  EXPECT_FALSE(e.advice().empty());
  // One that was there before finds it out with its next connection, and touches nothing.
  run(url,
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
      "pg_backend_pid()");
  EXPECT_EQ(error_of([&] { before->claim("w", kMinute); }).fault(), Fault::kUnsupported);
  run(url, "UPDATE facts SET value = " + std::to_string(postgres::kSchemaVersion) + " WHERE name = 'version'");
  EXPECT_EQ(before->claim("w", kMinute)->job.attempts, 1);
}

TEST_F(PostgresJobStore, IsNotBroughtUpToDateWhileOthersUseIt) {
  const std::string url = shared_postgres().new_database();
  auto older = open_job_store(url);
  older->add(test_job("a"), false, false);
  run(url, "UPDATE facts SET value = 0 WHERE name = 'version'");  // what it has is older than what is now opened
  const Error e = error_of([&] { open_job_store(url); });
  EXPECT_EQ(e.fault(), Fault::kUnsupported);
  EXPECT_NE(e.advice().find("Stop"), std::string::npos) << e.what();
  EXPECT_EQ(version_of(url), 0);
  EXPECT_EQ(older->queue_length(), 1);
}

TEST_F(PostgresJobStore, AMigrationThatFailsChangesNothing) {
  const std::string url = shared_postgres().new_database();
  run(url, "CREATE SCHEMA easel; CREATE TABLE easel.runners (mine int)");
  EXPECT_EQ(error_of([&] { open_job_store(url); }).fault(), Fault::kBadFile);
  EXPECT_EQ(version_of(url), 0);
  run(url, "DROP TABLE easel.runners");
  EXPECT_EQ(open_job_store(url)->queue_length(), 0);
}

TEST_F(PostgresJobStore, ARoleWithoutRightsIsToldSo) {
  const std::string url = shared_postgres().new_database();
  open_job_store(url);
  run(url, "CREATE ROLE guest LOGIN");
  const std::string as_guest = shared_postgres().url(url.substr(url.rfind('/') + 1), "guest");
  EXPECT_EQ(error_of([&] { open_job_store(as_guest); }).fault(), Fault::kBadFile);
  // What docs/fleet.md grants a role that changes no tables is enough.
  run(url,
      "GRANT USAGE ON SCHEMA easel TO guest; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA easel TO "
      "guest; GRANT USAGE ON ALL SEQUENCES IN SCHEMA easel TO guest");
  const auto store = open_job_store(as_guest);
  store->add(test_job("a"), false, false);
  RunnerInfo runner;
  runner.name = "w";
  store->runners().enter(runner);
  EXPECT_TRUE(store->finish(store->claim("w", kMinute)->token, {}));
  run(url, "DROP OWNED BY guest; DROP ROLE guest");
}

TEST_F(PostgresJobStore, SaysWhatIsWrongWithItsUrlAtOnce) {
  EXPECT_EQ(error_of([] { open_job_store("postgresql://[half"); }).fault(), Fault::kUsage);
  EXPECT_EQ(error_of([] { open_job_store("postgresql://a:secret@127.0.0.1/x?nonsense=1"); }).fault(), Fault::kUsage);
  const Error e = error_of([] { open_job_store(shared_postgres().url("nowhere")); });
  EXPECT_EQ(e.fault(), Fault::kBadFile);
  EXPECT_NE(std::string(e.what()).find("nowhere"), std::string::npos) << e.what();
}

TEST_F(PostgresJobStore, WaitsForADatabaseThatIsAwayButNotForEver) {
  PostgresServer server;
  const std::string url = server.new_database();
  const auto store = open_job_store(url, {.patience = std::chrono::milliseconds(400)});
  store->add(test_job("a"), false, false);
  server.stop(PostgresServer::Stop::kFast);
  const Error e = error_of([&] { store->queue_length(); });
  EXPECT_EQ(e.fault(), Fault::kInternal);
  EXPECT_NE(std::string(e.what()).find("127.0.0.1"), std::string::npos) << e.what();
  EXPECT_FALSE(e.advice().empty());
  server.start();
  EXPECT_EQ(order(store->pending()), "a");
  // Back in time, nobody notices.
  const auto patient = open_job_store(url, {.patience = std::chrono::minutes(1)});
  patient->queue_length();
  server.stop(PostgresServer::Stop::kImmediate);
  std::thread adder([&] { EXPECT_NO_THROW(patient->add(test_job("b"), false, false)); });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  server.start();
  adder.join();
  EXPECT_EQ(order(patient->pending()), "ab");
}

TEST_F(PostgresJobStore, ARestartOfTheDatabaseTakesNoJobFromItsRunner) {
  PostgresServer server;
  const auto store = open_job_store(server.new_database());
  store->add(test_job("a"), false, false);
  const Claim a = store->claim("w", std::chrono::milliseconds(10)).value();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  server.stop(PostgresServer::Stop::kImmediate);
  server.start();
  EXPECT_TRUE(store->requeue_expired(2).empty());
  EXPECT_EQ(order(store->running()), "a");  // its lease ended when nobody could renew it
  EXPECT_EQ(store->renew(a.token, kMinute), Hold::kKept);
  store->add(test_job("b"), false, false);
  store->claim("w", std::chrono::milliseconds(-1000));
  store->requeue_expired(2);
  EXPECT_EQ(order(store->pending()), "b");  // this one began after that
}

TEST_F(PostgresJobStore, ListenersHearOfALostConnection) {
  PostgresServer server;
  const auto store = open_job_store(server.new_database());
  std::atomic<int> missed{0}, queue{0};
  const auto subscription = store->notices().listen([&](const Notice& notice) {
    if (notice.what == Notice::What::kMissed) ++missed;
    if (notice.what == Notice::What::kQueue) ++queue;
  });
  const auto comes = [](const std::atomic<int>& count, int least) {
    for (int i = 0; i < 2000 && count < least; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return count >= least;
  };
  ASSERT_TRUE(comes(missed, 1));
  store->add(test_job("a"), false, false);
  ASSERT_TRUE(comes(queue, 1));
  server.stop(PostgresServer::Stop::kFast);
  server.start();
  ASSERT_TRUE(comes(missed, 2));
  store->add(test_job("b"), false, false);
  EXPECT_TRUE(comes(queue, 2));
}

// The answer to a call is lost on the way, so that nobody knows whether the database has done it.
class LostAnswers : public PostgresJobStore {
 protected:
  void SetUp() override {
    EASEL_NEEDS_POSTGRES();
    const std::string url = shared_postgres().new_database();
    proxy_ = std::make_unique<CuttingProxy>(shared_postgres().port());
    const std::string database = url.substr(url.rfind('/'));
    // One connection, whose statements are prepared by a first job.
    store_ =
        open_job_store("postgresql://easel@127.0.0.1:" + std::to_string(proxy_->port()) + database, {.connections = 1});
    direct_ = open_job_store(url);
    store_->add(test_job("first"), false, false);
    const Claim first = store_->claim("w", kMinute).value();
    store_->renew(first.token, kMinute);
    store_->finish(first.token, {});
  }
  void TearDown() override {
    if (!proxy_) return;
    EXPECT_TRUE(proxy_->answer_was_lost());
  }

  std::unique_ptr<CuttingProxy> proxy_;
  std::unique_ptr<JobStore> store_, direct_;
};

TEST_F(LostAnswers, AJobIsAcceptedOnce) {
  proxy_->lose_next_answer();
  const Job job = store_->add(test_job("a"), false, false);
  EXPECT_EQ(order(direct_->pending()), "a");
  EXPECT_EQ(job.number, direct_->get("a")->number);
  EXPECT_EQ(job.created_ms, direct_->get("a")->created_ms);
  // It is the same job only by its contents.
  direct_->add(test_job("b"), false, false);
  Job other = test_job("b");
  other.prompt = "{}";
  proxy_->lose_next_answer();
  EXPECT_EQ(error_of([&] { store_->add(other, false, false); }).fault(), Fault::kInvalid);
  EXPECT_EQ(direct_->get("b")->prompt, test_job("b").prompt);
}

TEST_F(LostAnswers, AClaimIsFoundAgain) {
  direct_->add(test_job("a"), false, false);
  direct_->add(test_job("b"), false, false);
  proxy_->lose_next_answer();
  const Claim a = store_->claim("w", kMinute).value();
  EXPECT_EQ(a.job.id, "a");
  EXPECT_EQ(a.job.attempts, 1);
  EXPECT_EQ(order(direct_->pending()), "b");
  EXPECT_EQ(order(direct_->running()), "a");
  EXPECT_TRUE(store_->finish(a.token, {}));
}

TEST_F(LostAnswers, AnEndCountsOnceAndIsKnownToCount) {
  direct_->add(test_job("a"), false, false);
  const Claim a = store_->claim("w", kMinute).value();
  JobResult result;
  result.outputs = R"({"1":{}})";
  proxy_->lose_next_answer();
  EXPECT_TRUE(store_->finish(a.token, result));
  EXPECT_EQ(direct_->get("a")->outputs, result.outputs);
  EXPECT_EQ(direct_->history({}).size(), 2u);
  EXPECT_FALSE(store_->finish(a.token, {}));
}

TEST_F(LostAnswers, AnEndThatWasRefusedStaysRefused) {
  direct_->add(test_job("a"), false, false);
  const Claim late = store_->claim("w", std::chrono::milliseconds(-1000)).value();
  direct_->requeue_expired(2);
  const Claim next = direct_->claim("x", kMinute).value();
  proxy_->lose_next_answer();
  EXPECT_FALSE(store_->finish(late.token, {}));
  EXPECT_EQ(order(direct_->running()), "a");
  EXPECT_TRUE(direct_->finish(next.token, {}));
}

TEST_F(LostAnswers, ARunnerThatWasCutOffIsRefusedWhenItComesBack) {
  direct_->add(test_job("a"), false, false);
  const Claim late = store_->claim("w", std::chrono::milliseconds(50)).value();
  proxy_->lose_next_answer();
  store_->queue_length();
  proxy_->cut(true);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_TRUE(direct_->requeue_expired(2).empty());
  const Claim next = direct_->claim("x", kMinute).value();
  JobResult wrong, right;
  wrong.outputs = R"({"from":"the first"})";
  right.outputs = R"({"from":"the second"})";
  std::thread repair([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    proxy_->cut(false);
  });
  EXPECT_FALSE(store_->finish(late.token, wrong));  // once it is back
  EXPECT_EQ(store_->renew(late.token, kMinute), Hold::kLost);
  repair.join();
  EXPECT_TRUE(direct_->finish(next.token, right));
  EXPECT_EQ(direct_->get("a")->outputs, right.outputs);
}

TEST_F(PostgresJobStore, TextsThatADatabaseRefuses) {
  const auto store = open_job_store(shared_postgres().new_database());
  for (const std::string& bad : {std::string("a\0b", 3), std::string("\xff")}) {
    Job job = test_job("a" + bad);
    EXPECT_EQ(error_of([&] { store->add(job, false, false); }).fault(), Fault::kInvalid);
    job = test_job("a");
    job.client_id = bad;
    EXPECT_EQ(error_of([&] { store->add(job, false, false); }).fault(), Fault::kInvalid);
  }
  EXPECT_EQ(store->queue_length(), 0);
  // An end is written whatever it says: a job must end.
  store->add(test_job("a"), false, false);
  JobResult result;
  result.state = JobState::kFailed;
  result.failure = std::string("no 'x\xff' \0 — 東 \xe6\x9d", 20);
  EXPECT_TRUE(store->finish(store->claim("w", kMinute)->token, result));
  EXPECT_EQ(store->get("a")->failure, "no 'x?' ? — 東 ??");
}

TEST_F(PostgresJobStore, MovesBetweenNeighboursAsOftenAsOneLikes) {
  const auto store = open_job_store(shared_postgres().new_database());
  for (const char* id : {"a", "b", "c"}) store->add(test_job(id), false, false);
  for (int i = 0; i < 120; ++i) {  // a double has 53 bits between two numbers
    ASSERT_TRUE(store->move("c", "b"));
    ASSERT_EQ(order(store->pending()), "acb") << i;
    ASSERT_TRUE(store->move("b", "c"));
    ASSERT_EQ(order(store->pending()), "abc") << i;
  }
  Job same = test_job("d");
  same.number = store->get("b")->number;
  store->add(same, false, true);
  EXPECT_EQ(order(store->pending()), "abdc");
  EXPECT_TRUE(store->move("c", "d"));  // there is no number between b's and d's
  EXPECT_EQ(order(store->pending()), "abcd");
  store->add(test_job("e"), false, false);
  EXPECT_EQ(order(store->pending()), "abcde");
}

}  // namespace
}  // namespace easel::server
#endif
