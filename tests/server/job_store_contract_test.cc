// What every job store promises (server/jobs/job_store.h). A new store is one more line in kStores.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <thread>

#include "base/error.h"
#include "server/jobs/sqlite/sqlite_job_store.h"
#include "support/temp_folder.h"

namespace easel::server {
namespace {

constexpr Lease kMinute = std::chrono::minutes(1);
constexpr Lease kSecondAgo = std::chrono::seconds(-1);  // a lease that is over
constexpr int kMaxAttempts = 2;

struct Kind {
  const char* name;
  // Whether a store that is opened again has what the one before it had.
  bool lasting;
  // Opens the store that belongs to this folder.
  std::function<std::unique_ptr<JobStore>(const std::filesystem::path& folder)> open;
};

const Kind kStores[] = {
    {"SqliteFile", true, [](const auto& folder) { return open_sqlite_job_store((folder / "jobs.sqlite").string()); }},
    {"SqliteMemory", false, [](const auto&) { return open_sqlite_job_store(":memory:"); }},
};

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

int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

class JobStoreContract : public ::testing::TestWithParam<Kind> {
 protected:
  JobStoreContract() { open(); }
  void open() {
    store_.reset();
    store_ = GetParam().open(folder_.path());
  }
  void add(const std::vector<std::string>& ids) {
    for (const auto& id : ids) store_->add(make(id), false, false);
  }
  Claim claim(const std::string& worker = "w") { return store_->claim(worker, kMinute).value(); }
  void run_all() {
    while (const auto claimed = store_->claim("w", kMinute)) store_->finish(claimed->token, {});
  }
  JobState state(const std::string& id) { return store_->get(id)->state; }

  easel::testing::TempFolder folder_;
  std::unique_ptr<JobStore> store_;
};

TEST_P(JobStoreContract, KeepsEveryFieldOfAJob) {
  Job job = make("a");
  job.prompt = R"({"1":{"class_type":"Text","inputs":{"text":"it's a \"barn\" — \u0000 東"}}})";
  job.client_id = "me";
  const int64_t before = now_ms();
  store_->add(job, false, false);
  const Job kept = store_->get("a").value();
  EXPECT_EQ(kept.prompt, job.prompt);
  EXPECT_EQ(kept.extra_data, job.extra_data);
  EXPECT_EQ(kept.targets, job.targets);
  EXPECT_EQ(kept.client_id, "me");
  EXPECT_EQ(kept.state, JobState::kPending);
  EXPECT_EQ(kept.attempts, 0);
  EXPECT_GE(kept.created_ms, before - 1000);
  EXPECT_LE(kept.created_ms, now_ms() + 1000);
  EXPECT_EQ(kept.started_ms, 0);
  EXPECT_FALSE(store_->get("b"));
}

TEST_P(JobStoreContract, RunsInOrderAndFrontFirst) {
  EXPECT_FALSE(store_->claim("w", kMinute));
  add({"a", "b"});
  store_->add(make("c"), true, false);
  EXPECT_EQ(order(store_->pending()), "cab");
  EXPECT_EQ(order(store_->pending(2)), "ca");
  const Claim c = claim();
  EXPECT_EQ(c.job.id, "c");
  EXPECT_EQ(c.job.state, JobState::kRunning);
  EXPECT_EQ(c.job.attempts, 1);
  EXPECT_GT(c.job.started_ms, 0);
  EXPECT_EQ(store_->queue_length(), 3);
  EXPECT_EQ(order(store_->running()), "c");
  Job between = make("d");
  between.number = 1.5;
  EXPECT_EQ(store_->add(between, false, true).number, 1.5);
  EXPECT_EQ(order(store_->pending()), "adb");
}

TEST_P(JobStoreContract, RefusesAnIdTwice) {
  add({"a"});
  EXPECT_THROW(store_->add(make("a"), false, false), Error);
  EXPECT_EQ(store_->queue_length(), 1);
}

TEST_P(JobStoreContract, EndsAJobExactlyOnce) {
  add({"a"});
  EXPECT_FALSE(store_->finish(ClaimToken{}, {}));  // nobody has claimed it yet
  const Claim a = claim();
  JobResult result;
  result.state = JobState::kFailed;
  result.outputs = R"({"9":{"images":[]}})";
  result.messages = "[1]";
  result.meta = R"({"9":{}})";
  result.failure = "why";
  EXPECT_TRUE(store_->finish(a.token, result));
  EXPECT_FALSE(store_->finish(a.token, {}));
  EXPECT_EQ(store_->renew(a.token, kMinute), Hold::kLost);
  EXPECT_FALSE(store_->give_back(a.token));
  ASSERT_EQ(store_->history({}).size(), 1u);
  const Job ended = store_->history({}).front();
  EXPECT_EQ(ended.state, JobState::kFailed);
  EXPECT_EQ(ended.outputs, result.outputs);
  EXPECT_EQ(ended.messages, result.messages);
  EXPECT_EQ(ended.meta, result.meta);
  EXPECT_EQ(ended.failure, result.failure);
  EXPECT_GE(ended.finished_ms, ended.started_ms);
  EXPECT_EQ(store_->queue_length(), 0);
}

TEST_P(JobStoreContract, AWorkerThoughtDeadIsRefused) {
  add({"a", "b"});
  const Claim late = claim("first");
  EXPECT_TRUE(store_->requeue_expired(kMaxAttempts).empty());
  EXPECT_EQ(state("a"), JobState::kRunning);  // its lease is not over
  EXPECT_EQ(store_->renew(late.token, kSecondAgo), Hold::kKept);
  EXPECT_TRUE(store_->requeue_expired(kMaxAttempts, kMinute).empty());
  EXPECT_EQ(state("a"), JobState::kRunning);  // it is, but not for long
  EXPECT_TRUE(store_->requeue_expired(kMaxAttempts).empty());
  EXPECT_EQ(order(store_->pending()), "ab");  // to its old place
  EXPECT_EQ(store_->renew(late.token, kMinute), Hold::kLost);
  EXPECT_FALSE(store_->finish(late.token, {}));  // also while nobody else has it
  const Claim second = claim("second");
  EXPECT_EQ(second.job.id, "a");
  EXPECT_EQ(second.job.attempts, 2);
  EXPECT_GT(second.token, late.token);
  JobResult wrong;
  wrong.outputs = R"({"from":"the first"})";
  EXPECT_FALSE(store_->finish(late.token, wrong));
  EXPECT_FALSE(store_->give_back(late.token));
  EXPECT_EQ(store_->renew(late.token, kMinute), Hold::kLost);
  EXPECT_EQ(state("a"), JobState::kRunning);
  EXPECT_TRUE(store_->finish(second.token, {}));
  EXPECT_FALSE(store_->finish(late.token, wrong));
  EXPECT_EQ(store_->get("a")->outputs, "{}");
  EXPECT_EQ(order(store_->history({})), "a");
}

TEST_P(JobStoreContract, ARenewedClaimIsKept) {
  add({"a"});
  const Claim a = store_->claim("w", std::chrono::milliseconds(0)).value();
  EXPECT_EQ(store_->renew(a.token, kMinute), Hold::kKept);  // late, but nobody else has it
  EXPECT_TRUE(store_->requeue_expired(1).empty());
  EXPECT_EQ(state("a"), JobState::kRunning);
  EXPECT_TRUE(store_->finish(a.token, {}));
}

TEST_P(JobStoreContract, AnEndThatComesAfterTheLeaseCountsWhileNobodyElseHasTheJob) {
  add({"a"});
  const Claim a = store_->claim("w", std::chrono::milliseconds(0)).value();
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  EXPECT_TRUE(store_->finish(a.token, {}));
}

TEST_P(JobStoreContract, TheSecondDeathSetsAJobAside) {
  add({"a", "b"});
  claim("w");
  EXPECT_TRUE(store_->requeue_claims_of("w", kMaxAttempts).empty());
  claim("w");
  const Claim other = claim("x");
  EXPECT_EQ(other.job.id, "b");
  EXPECT_TRUE(store_->requeue_claims_of("nobody", kMaxAttempts).empty());
  const auto failed = store_->requeue_claims_of("w", kMaxAttempts);
  ASSERT_EQ(order(failed), "a");
  EXPECT_NE(failed[0].failure.find("2 times"), std::string::npos);
  EXPECT_EQ(state("a"), JobState::kFailed);
  EXPECT_EQ(store_->get("a")->failure, failed[0].failure);
  EXPECT_EQ(order(store_->history({})), "a");
  EXPECT_EQ(order(store_->running()), "b");  // another worker's
  EXPECT_TRUE(store_->finish(other.token, {}));
  EXPECT_EQ(order(store_->history({})), "ab");
}

TEST_P(JobStoreContract, GivingBackDoesNotCountAgainstAJob) {
  add({"a", "b"});
  for (int i = 0; i < 5; ++i) {
    const Claim a = claim();
    EXPECT_EQ(a.job.id, "a");
    EXPECT_EQ(a.job.attempts, 1);
    EXPECT_TRUE(store_->give_back(a.token));
    EXPECT_FALSE(store_->finish(a.token, {}));
  }
  EXPECT_EQ(order(store_->pending()), "ab");
  EXPECT_EQ(store_->get("a")->attempts, 0);
  EXPECT_EQ(store_->get("a")->started_ms, 0);
}

TEST_P(JobStoreContract, ManyWorkersNeverShareAJob) {
  constexpr int kJobs = 60, kWorkers = 4;
  for (int i = 0; i < kJobs; ++i) store_->add(make(std::to_string(i)), false, false);
  std::vector<std::vector<Claim>> claimed(kWorkers);
  std::vector<std::thread> workers;
  for (int w = 0; w < kWorkers; ++w)
    workers.emplace_back([&, w] {
      while (auto c = store_->claim("w" + std::to_string(w), kMinute)) {
        EXPECT_TRUE(store_->finish(c->token, {}));
        claimed[static_cast<size_t>(w)].push_back(std::move(*c));
      }
    });
  for (auto& w : workers) w.join();
  std::set<std::string> jobs;
  std::set<ClaimToken> tokens;
  for (const auto& of_one : claimed)
    for (const Claim& c : of_one) {
      jobs.insert(c.job.id);
      tokens.insert(c.token);
    }
  EXPECT_EQ(jobs.size(), size_t{kJobs});
  EXPECT_EQ(tokens.size(), size_t{kJobs});
  EXPECT_EQ(store_->history({}).size(), size_t{kJobs});
}

TEST_P(JobStoreContract, PagesHistory) {
  add({"a", "b", "c", "d"});
  run_all();
  EXPECT_EQ(order(store_->history({2, -1})), "cd");
  EXPECT_EQ(order(store_->history({2, 1})), "bc");
  EXPECT_EQ(order(store_->history({0, -1})), "");
  EXPECT_EQ(order(store_->history({})), "abcd");
  store_->trim_history(3);
  EXPECT_EQ(order(store_->history({})), "bcd");
  store_->forget({"c"});
  EXPECT_EQ(order(store_->history({})), "bd");
  add({"e"});
  store_->forget({"e"});  // it waits
  store_->forget_all();
  EXPECT_EQ(order(store_->history({})), "");
  EXPECT_EQ(order(store_->pending()), "e");
}

TEST_P(JobStoreContract, CancelledJobsPushNothingOutOfTheHistory) {
  add({"a", "b"});
  run_all();
  add({"c", "d", "e"});
  store_->cancel({"c", "d"});
  store_->trim_history(1);
  EXPECT_EQ(order(store_->history({})), "b");
  EXPECT_FALSE(store_->get("a"));
  EXPECT_FALSE(store_->get("c"));  // of the cancelled ones, as many are remembered
  EXPECT_EQ(state("d"), JobState::kCancelled);
  EXPECT_EQ(order(store_->pending()), "e");
  store_->trim_history(0);
  EXPECT_EQ(order(store_->history({})), "");
  EXPECT_EQ(order(store_->pending()), "e");
}

TEST_P(JobStoreContract, MovesAndCancels) {
  add({"a", "b", "c"});
  EXPECT_TRUE(store_->move("c", "a"));
  EXPECT_EQ(order(store_->pending()), "cab");
  EXPECT_TRUE(store_->move("c", ""));
  EXPECT_EQ(order(store_->pending()), "abc");
  EXPECT_TRUE(store_->move("b", "b"));
  EXPECT_EQ(order(store_->pending()), "abc");
  EXPECT_FALSE(store_->move("c", "nobody"));
  EXPECT_FALSE(store_->move("nobody", "a"));
  add({"d"});
  EXPECT_EQ(order(store_->pending()), "abcd");
  const Claim a = claim();
  EXPECT_FALSE(store_->move("a", "d"));  // it runs
  EXPECT_EQ(store_->cancel({"a"}), 0);
  EXPECT_TRUE(store_->finish(a.token, {}));
  EXPECT_EQ(store_->cancel({"b", "nobody"}), 1);
  EXPECT_EQ(store_->cancel({"b", "c", "d"}), 2);
  EXPECT_EQ(store_->queue_length(), 0);
  EXPECT_EQ(order(store_->history({})), "a");
}

TEST_P(JobStoreContract, LastsBeyondItsProcess) {
  if (!GetParam().lasting) {
    add({"a"});
    open();
    EXPECT_FALSE(store_->get("a"));
    return;
  }
  add({"a", "b"});
  EXPECT_FALSE(store_->paused());
  store_->set_paused(true);
  const ClaimToken lost = claim().token;
  open();
  EXPECT_TRUE(store_->paused());
  EXPECT_EQ(order(store_->running()), "a");
  EXPECT_TRUE(store_->requeue_claims_of("w", kMaxAttempts).empty());
  EXPECT_EQ(order(store_->pending()), "ab");
  const Claim again = claim();
  EXPECT_EQ(again.job.id, "a");
  EXPECT_GT(again.token, lost);
  EXPECT_FALSE(store_->finish(lost, {}));
  EXPECT_TRUE(store_->finish(again.token, {}));
  store_->set_paused(false);
  open();
  EXPECT_FALSE(store_->paused());
  EXPECT_EQ(order(store_->history({})), "a");
  EXPECT_EQ(order(store_->pending()), "b");
}

INSTANTIATE_TEST_SUITE_P(Stores, JobStoreContract, ::testing::ValuesIn(kStores),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace easel::server
