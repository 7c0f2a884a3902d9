// What every job store promises (server/jobs/job_store.h). A new store is one more line in kStores.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <thread>

#include "base/error.h"
#include "server/jobs/open_job_store.h"
#include "server/postgres_server.h"
#include "server/test_jobs.h"
#include "support/temp_folder.h"

namespace easel::server {
namespace {

using testing::now_ms;
using testing::order;
using testing::test_job;

constexpr Lease kMinute = std::chrono::minutes(1);
constexpr Lease kSecondAgo = std::chrono::seconds(-1);  // a lease that is over
constexpr int kMaxAttempts = 2;

struct Kind {
  const char* name;
  // Whether a store that is opened again has what the one before it had.
  bool lasting;
  // Whether workers of several processes share it, each with its own models.
  bool shared;
  // What names a new store; the folder is the test's own.
  std::function<std::string(const std::filesystem::path& folder)> make;
};

const Kind kStores[] = {
    {"SqliteFile", true, false, [](const auto& folder) { return (folder / "jobs.sqlite").string(); }},
    {"SqliteMemory", false, false, [](const auto&) { return std::string(":memory:"); }},
    {"Postgres", true, true, [](const auto&) { return testing::shared_postgres().new_database(); }},
};

class JobStoreContract : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (GetParam().shared) EASEL_NEEDS_POSTGRES();
    where_ = GetParam().make(folder_.path());
    open();
  }
  void open(const StoreLimits& limits = {}) {
    store_.reset();
    store_ = open_job_store(where_, {}, limits);
  }
  void add(const std::vector<std::string>& ids) {
    for (const auto& id : ids) store_->add(test_job(id), false, false);
  }
  Claim claim(const std::string& worker = "w") { return store_->claim(worker, kMinute).value(); }
  void run_all() {
    while (const auto claimed = store_->claim("w", kMinute)) store_->finish(claimed->token, {});
  }
  JobState state(const std::string& id) { return store_->get(id)->state; }

  easel::testing::TempFolder folder_;
  std::string where_;
  std::unique_ptr<JobStore> store_;
};

TEST_P(JobStoreContract, KeepsEveryFieldOfAJob) {
  Job job = test_job("a");
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
  store_->add(test_job("c"), true, false);
  EXPECT_EQ(order(store_->pending()), "cab");
  EXPECT_EQ(order(store_->pending(2)), "ca");
  const Claim c = claim();
  EXPECT_EQ(c.job.id, "c");
  EXPECT_EQ(c.job.state, JobState::kRunning);
  EXPECT_EQ(c.job.attempts, 1);
  EXPECT_GT(c.job.started_ms, 0);
  EXPECT_EQ(store_->queue_length(), 3);
  EXPECT_EQ(order(store_->running()), "c");
  Job between = test_job("d");
  between.number = 1.5;
  EXPECT_EQ(store_->add(between, false, true).number, 1.5);
  EXPECT_EQ(order(store_->pending()), "adb");
}

TEST_P(JobStoreContract, RefusesAnIdTwice) {
  add({"a"});
  EXPECT_THROW(store_->add(test_job("a"), false, false), Error);
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
  for (int i = 0; i < kJobs; ++i) store_->add(test_job(std::to_string(i)), false, false);
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

// Whoever is told of a change may wait for another thread that asks the store: nothing of the call that tells is under
// way.
TEST_P(JobStoreContract, NothingIsUnderWayWhenItTells) {
  std::vector<std::string> problems;
  const auto ask = [&](const Notice&) {
    std::thread([&] {
      try {
        (void)store_->queue_length();
      } catch (const Error& e) {
        problems.push_back(e.message());
      }
    }).join();
  };
  auto subscription = store_->notices().listen(ask);
  add({"a", "b", "c", "d", "e"});
  EXPECT_TRUE(store_->move("d", "c"));
  store_->cancel({"e"});
  store_->set_paused(true);
  store_->set_paused(false);
  EXPECT_TRUE(store_->give_back(claim().token));
  const Claim claimed = claim();
  store_->interrupt({claimed.job.id});
  EXPECT_TRUE(store_->finish(claimed.token, {}));
  EXPECT_TRUE(store_->claim("w", kSecondAgo).has_value());
  store_->requeue_expired(1, {});
  subscription.end();
  EXPECT_EQ(problems, std::vector<std::string>());
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

// A job whose texts are so long together.
Job job_of(const std::string& id, size_t bytes) {
  Job job = test_job(id);
  job.prompt = R"({"1":")" + std::string(bytes - 8 - job.extra_data.size() - job.targets.size(), 'x') + "\"}";
  EXPECT_EQ(sent_bytes(job), static_cast<int64_t>(bytes));
  return job;
}

TEST_P(JobStoreContract, TheQueueHoldsNoMoreThanItMay) {
  constexpr size_t kLarge = 3 << 20;  // every store counts such a job
  open({.queue_bytes = 2 * kLarge + 100});
  store_->add(job_of("a", kLarge), false, false);
  claim();
  store_->add(job_of("b", kLarge), true, false);
  const auto add_more = [&] { store_->add(job_of("c", kLarge), false, false); };
  try {
    add_more();
    ADD_FAILURE() << "took a third";
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kMemory);
    EXPECT_NE(e.message().find("the queue is full"), std::string::npos) << e.what();
  }
  EXPECT_EQ(store_->queue_length(), 2);
  EXPECT_FALSE(store_->get("c"));
  // What is cancelled leaves room, and so does what ends.
  EXPECT_EQ(store_->cancel({"b"}), 1);
  EXPECT_EQ(store_->get("b")->prompt, "{}");
  add_more();
  EXPECT_EQ(store_->queue_length(), 2);
  EXPECT_THROW(store_->add(job_of("d", kLarge), false, false), Error);
  EXPECT_TRUE(store_->requeue_claims_of("w", kMaxAttempts).empty());
  EXPECT_THROW(store_->add(job_of("d", kLarge), false, false), Error);
  run_all();
  store_->add(job_of("d", kLarge), false, false);
  EXPECT_EQ(order(store_->pending()), "d");
}

TEST_P(JobStoreContract, ManySmallJobsFillTheQueueToo) {
  open({.queue_bytes = 1 << 20});
  constexpr size_t kSmall = 10 << 10;
  int added = 0;
  try {
    for (; added < 1000; ++added) store_->add(job_of(std::to_string(added), kSmall), false, false);
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kMemory) << e.what();
  }
  EXPECT_GE(added, 100);
  EXPECT_LE(added, 102 + kLookEachJobs);
}

TEST_P(JobStoreContract, TheHistoryHoldsNoMoreThanItMay) {
  open({.history_bytes = 50000});
  for (const char* id : {"a", "b", "c"}) store_->add(job_of(id, 10000), false, false);
  JobResult result;
  result.outputs = R"({"9":")" + std::string(10000, 'y') + "\"}";
  while (const auto claimed = store_->claim("w", kMinute)) store_->finish(claimed->token, result);
  store_->trim_history(100);
  EXPECT_EQ(order(store_->history({})), "bc");
  store_->add(job_of("d", 90000), false, false);
  run_all();
  store_->add(job_of("e", 10000), false, false);
  store_->trim_history(100);
  EXPECT_EQ(order(store_->history({})), "d");  // the newest is kept, whatever its length
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

TEST_P(JobStoreContract, AnInterruptReachesTheWorkerAndOutlivesIt) {
  add({"a", "b", "c", "d"});
  EXPECT_EQ(store_->interrupt({"a", "nobody"}), 0);  // it does not run yet
  const Claim a = claim(), b = claim(), c = claim();
  EXPECT_EQ(store_->interrupt({"a", "b", "c", "d"}), 3);
  EXPECT_EQ(store_->renew(a.token, kMinute), Hold::kInterrupt);
  EXPECT_EQ(store_->renew(a.token, kMinute), Hold::kInterrupt);
  JobResult result;
  result.state = JobState::kInterrupted;
  EXPECT_TRUE(store_->finish(a.token, result));
  EXPECT_EQ(state("a"), JobState::kInterrupted);
  EXPECT_TRUE(store_->give_back(b.token));  // its worker stops: nobody is to run it again
  EXPECT_EQ(state("b"), JobState::kInterrupted);
  EXPECT_EQ(store_->renew(c.token, kSecondAgo), Hold::kInterrupt);
  EXPECT_EQ(order(store_->requeue_expired(kMaxAttempts)), "c");  // it is gone
  EXPECT_EQ(state("c"), JobState::kInterrupted);
  EXPECT_EQ(store_->get("c")->failure, "interrupted");
  EXPECT_EQ(order(store_->history({})), "abc");
  const Claim d = claim();
  EXPECT_EQ(store_->renew(d.token, kMinute), Hold::kKept);
}

TEST_P(JobStoreContract, RemembersWhatHasEndedOfLate) {
  add({"a", "b", "c"});
  const Claim a = claim();
  EXPECT_TRUE(store_->ended_within(kMinute).empty());
  EXPECT_TRUE(store_->finish(a.token, {}));
  store_->cancel({"b"});
  std::map<std::string, JobState> ended;
  for (const EndedJob& job : store_->ended_within(kMinute)) ended[job.id] = job.state;
  EXPECT_EQ(ended, (std::map<std::string, JobState>{{"a", JobState::kSuccess}, {"b", JobState::kCancelled}}));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_TRUE(store_->ended_within(std::chrono::milliseconds(10)).empty());
}

// Notices by what they are about and for which job, as many as came.
class Heard {
 public:
  explicit Heard(JobStore& store)
      : subscription_(store.notices().listen([this](const Notice& notice) {
          MutexLock lock(mutex_);
          heard_.emplace_back(notice.what, notice.id);
          changed_.notify_all();
        })) {}
  bool comes(Notice::What what, const std::string& id) {
    MutexLock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] {
      return std::find(heard_.begin(), heard_.end(), std::pair(what, id)) != heard_.end();
    });
  }

 private:
  Mutex mutex_;
  Condition changed_;
  std::vector<std::pair<Notice::What, std::string>> heard_;
  JobNotices::Subscription subscription_;
};

TEST_P(JobStoreContract, TellsWhatChanges) {
  using What = Notice::What;
  Heard heard(*store_);
  if (GetParam().shared) {
    ASSERT_TRUE(heard.comes(What::kMissed, ""));  // from now on
  }
  add({"a", "b"});
  EXPECT_TRUE(heard.comes(What::kQueue, "a"));
  EXPECT_TRUE(heard.comes(What::kQueue, "b"));
  const Claim a = claim();
  EXPECT_EQ(store_->interrupt({"a"}), 1);
  EXPECT_TRUE(heard.comes(What::kInterrupt, "a"));
  EXPECT_TRUE(store_->finish(a.token, {}));
  EXPECT_TRUE(heard.comes(What::kEnded, "a"));
  store_->cancel({"b"});
  EXPECT_TRUE(heard.comes(What::kEnded, "b"));
  Heard later(*store_);
  store_->set_paused(false);
  EXPECT_TRUE(later.comes(What::kQueue, ""));
}

ModelFile checkpoint(const std::string& name, const std::string& identity = {}) {
  return {"checkpoints", name, identity};
}

RunnerInfo runner(const std::string& name, std::vector<ModelFile> models) {
  RunnerInfo out;
  out.name = name;
  out.instance = name + "'s process";
  out.version = "0.2.0";
  out.device = "cpu";
  out.memory = 12ull << 30;
  out.models = std::move(models);
  return out;
}

TEST_P(JobStoreContract, KeepsATableOfRunners) {
  RunnerTable& table = store_->runners();
  EXPECT_TRUE(table.all().empty());
  RunnerInfo b = runner("b", {checkpoint("x \"quoted\".safetensors", "sha256:1"), {"vae", "y", ""}});
  table.enter(b);
  table.enter(runner("a", {}));
  b.state = RunnerState::kBusy;
  b.job = "j";
  b.resident = {b.models[1]};
  b.steps_per_second = 2.5;
  EXPECT_TRUE(table.beat(b));
  auto all = table.all();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].name, "a");
  EXPECT_EQ(all[1].name, "b");
  EXPECT_EQ(all[1].instance, b.instance);
  EXPECT_EQ(all[1].version, "0.2.0");
  EXPECT_EQ(all[1].device, "cpu");
  EXPECT_EQ(all[1].memory, 12ull << 30);
  EXPECT_EQ(all[1].models, b.models);
  EXPECT_EQ(all[1].resident, b.resident);
  EXPECT_EQ(all[1].state, RunnerState::kBusy);
  EXPECT_EQ(all[1].job, "j");
  EXPECT_EQ(all[1].steps_per_second, 2.5);
  EXPECT_TRUE(all[1].alive);
  EXPECT_NEAR(static_cast<double>(all[1].seen_ms), static_cast<double>(now_ms()), 60000);
  // Another process of its name takes its place, and it is told so.
  RunnerInfo next = b;
  next.instance = "another";
  next.models = {};
  table.enter(next);
  EXPECT_FALSE(table.beat(b));
  EXPECT_TRUE(table.beat(next));
  table.leave("b", b.instance);  // it is not the one that is there
  ASSERT_EQ(table.all().size(), 2u);
  EXPECT_TRUE(table.all()[1].models.empty());
  table.leave("b", next.instance);
  table.leave("a", "a's process");
  EXPECT_TRUE(table.all().empty());
  EXPECT_FALSE(table.beat(next));
}

TEST_P(JobStoreContract, AJobWaitsForARunnerThatHasItsModels) {
  const auto add_needing = [&](const std::string& id, std::vector<ModelFile> needs) {
    Job job = test_job(id);
    job.needs = std::move(needs);
    store_->add(job, false, false);
  };
  const ModelFile sd = checkpoint("sd.safetensors"), xl = checkpoint("xl.safetensors", "sha256:xl");
  add_needing("a", {xl});
  add_needing("b", {sd});
  add_needing("c", {});
  EXPECT_EQ(store_->get("a")->needs, std::vector<ModelFile>{xl});
  RunnerInfo small = runner("small", {sd, checkpoint("xl.safetensors", "sha256:another")});
  small.resident = {sd};
  store_->runners().enter(small);
  auto waiting = store_->pending();
  ASSERT_EQ(order(waiting), "abc");
  EXPECT_EQ(waiting[0].obstacle, "no runner has xl.safetensors");
  EXPECT_EQ(store_->get("a")->obstacle, "no runner has xl.safetensors");
  EXPECT_EQ(waiting[1].obstacle, "");
  EXPECT_EQ(waiting[2].obstacle, "");
  EXPECT_EQ(claim("small").job.id, "b");
  EXPECT_EQ(claim("small").job.id, "c");
  EXPECT_FALSE(store_->claim("small", kMinute));
  // The contents count, not the name.
  store_->runners().enter(runner("large", {checkpoint("renamed.safetensors", "sha256:xl")}));
  EXPECT_EQ(store_->pending()[0].obstacle, "");
  add_needing("d", {xl, sd});
  EXPECT_EQ(store_->get("d")->obstacle, "no runner has all of sd.safetensors, xl.safetensors");
  const Claim a = claim("large");
  EXPECT_EQ(a.job.id, "a");
  EXPECT_EQ(a.job.needs, std::vector<ModelFile>{xl});
  EXPECT_FALSE(store_->claim("large", kMinute));
  // The models of a runner may become more.
  store_->runners().enter(runner("large", {checkpoint("renamed.safetensors", "sha256:xl"), sd}));
  EXPECT_EQ(claim("large").job.id, "d");
}

INSTANTIATE_TEST_SUITE_P(Stores, JobStoreContract, ::testing::ValuesIn(kStores),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace easel::server
