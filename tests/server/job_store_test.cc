#include "server/jobs/job_store.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/atomic_file.h"
#include "base/error.h"

namespace easel::server {
namespace {

Job make(const std::string& id) {
  Job job;
  job.id = id;
  job.prompt = R"({"1":{}})";
  job.extra_data = "{}";
  job.targets = R"(["1"])";
  return job;
}

std::string order(const std::vector<Job>& jobs) {
  std::string s;
  for (const auto& job : jobs) s += job.id;
  return s;
}

TEST(JobStore, RunsInOrderAndFrontFirst) {
  auto store = open_sqlite_job_store(":memory:");
  store->add(make("a"), false, false);
  store->add(make("b"), false, false);
  store->add(make("c"), true, false);
  EXPECT_EQ(order(store->pending()), "cab");
  EXPECT_EQ(store->take_next()->id, "c");
  EXPECT_EQ(store->queue_length(), 3);
  EXPECT_EQ(order(store->running()), "c");
}

TEST(JobStore, RefusesAnIdTwice) {
  auto store = open_sqlite_job_store(":memory:");
  store->add(make("a"), false, false);
  EXPECT_THROW(store->add(make("a"), false, false), Error);
  EXPECT_EQ(store->queue_length(), 1);
}

TEST(JobStore, EndsAJobExactlyOnce) {
  auto store = open_sqlite_job_store(":memory:");
  store->add(make("a"), false, false);
  EXPECT_FALSE(store->finish("a", {}));  // not running yet
  store->take_next();
  JobResult result;
  result.outputs = R"({"9":{"images":[]}})";
  EXPECT_TRUE(store->finish("a", result));
  EXPECT_FALSE(store->finish("a", result));
  ASSERT_EQ(store->history({}).size(), 1u);
  EXPECT_EQ(store->history({}).front().outputs, result.outputs);
  EXPECT_EQ(store->queue_length(), 0);
}

TEST(JobStore, PagesHistory) {
  auto store = open_sqlite_job_store(":memory:");
  for (const char* id : {"a", "b", "c", "d"}) {
    store->add(make(id), false, false);
    store->take_next();
    store->finish(id, {});
  }
  EXPECT_EQ(order(store->history({2, -1})), "cd");
  EXPECT_EQ(order(store->history({2, 1})), "bc");
  EXPECT_EQ(order(store->history({0, -1})), "");
  EXPECT_EQ(order(store->history({})), "abcd");
  store->trim_history(3);
  EXPECT_EQ(order(store->history({})), "bcd");
  store->forget({"c"});
  EXPECT_EQ(order(store->history({})), "bd");
}

TEST(JobStore, CancelledJobsPushNothingOutOfTheHistory) {
  auto store = open_sqlite_job_store(":memory:");
  for (const char* id : {"a", "b"}) {
    store->add(make(id), false, false);
    store->take_next();
    store->finish(id, {});
  }
  for (const char* id : {"c", "d", "e"}) store->add(make(id), false, false);
  store->cancel({"c", "d"});
  store->trim_history(1);
  EXPECT_EQ(order(store->history({})), "b");
  EXPECT_FALSE(store->get("a"));
  EXPECT_FALSE(store->get("c"));  // of the cancelled ones, as many are remembered
  EXPECT_EQ(store->get("d")->state, JobState::kCancelled);
  EXPECT_EQ(order(store->pending()), "e");
  store->trim_history(0);
  EXPECT_EQ(order(store->history({})), "");
  EXPECT_EQ(order(store->pending()), "e");
}

TEST(JobStore, MovesAndCancels) {
  auto store = open_sqlite_job_store(":memory:");
  for (const char* id : {"a", "b", "c"}) store->add(make(id), false, false);
  EXPECT_TRUE(store->move("c", "a"));
  EXPECT_EQ(order(store->pending()), "cab");
  EXPECT_TRUE(store->move("c", ""));
  EXPECT_EQ(order(store->pending()), "abc");
  EXPECT_FALSE(store->move("c", "nobody"));
  EXPECT_FALSE(store->move("nobody", "a"));
  store->add(make("d"), false, false);
  EXPECT_EQ(order(store->pending()), "abcd");
  EXPECT_EQ(store->cancel({"b", "nobody"}), 1);
  EXPECT_EQ(store->cancel({"a", "c", "d"}), 3);
  EXPECT_EQ(store->queue_length(), 0);
  EXPECT_TRUE(store->history({}).empty());
}

TEST(JobStore, SurvivesAProcessThatDied) {
  const auto path = std::filesystem::temp_directory_path() / ("easel-jobs-" + std::to_string(getpid()) + ".sqlite");
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path.string() + suffix);
  {
    auto store = open_sqlite_job_store(path.string());
    store->add(make("a"), false, false);
    store->add(make("b"), false, false);
    store->take_next();
    store->set_paused(true);
  }
  {
    auto store = open_sqlite_job_store(path.string());
    EXPECT_TRUE(store->paused());
    EXPECT_TRUE(store->recover(2).empty());
    EXPECT_EQ(order(store->pending()), "ab");
    store->take_next();
  }
  {
    auto store = open_sqlite_job_store(path.string());
    const auto failed = store->recover(2);
    ASSERT_EQ(order(failed), "a");
    EXPECT_EQ(order(store->pending()), "b");
    EXPECT_EQ(store->get("a")->state, JobState::kFailed);
    EXPECT_NE(store->get("a")->failure.find("2 times"), std::string::npos);
    // A graceful stop does not count against a job.
    store->take_next();
    store->requeue("b");
    store->take_next();
    store->requeue("b");
    EXPECT_TRUE(store->recover(2).empty());
    EXPECT_EQ(store->get("b")->attempts, 0);
  }
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path.string() + suffix);
}

TEST(JobStore, SaysWhatIsWrongWithItsFile) {
  const auto path = std::filesystem::temp_directory_path() / ("easel-bad-" + std::to_string(getpid()) + ".sqlite");
  write_file(path, std::string(5000, 'x'));
  try {
    open_sqlite_job_store(path.string());
    ADD_FAILURE() << "opened";
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kBadFile);
    EXPECT_EQ(e.file(), path.string());
    EXPECT_NE(e.advice().find("Move it away"), std::string::npos) << e.what();
  }
  std::filesystem::remove(path);
  EXPECT_THROW(open_sqlite_job_store("/nowhere/jobs.sqlite"), Error);
}

}  // namespace
}  // namespace easel::server
