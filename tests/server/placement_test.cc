// Which runner of a fleet gets which job.
#include <gtest/gtest.h>

#include <barrier>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/jobs/open_job_store.h"
#include "server/postgres_server.h"

#ifdef EASEL_HAS_POSTGRES

namespace easel::server {
namespace {

using testing::shared_postgres;

constexpr Lease kMinute = std::chrono::minutes(1);
const ModelFile kSmall{"checkpoints", "small.safetensors", "sha256:s"}, kLarge{"checkpoints", "large.safetensors", ""};

class Placement : public ::testing::Test {
 protected:
  void SetUp() override {
    EASEL_NEEDS_POSTGRES();
    url_ = shared_postgres().new_database();
    prefer_for(std::chrono::minutes(10));  // no test waits for that, however slow the machine is
  }
  void prefer_for(std::chrono::milliseconds time) { store_ = open_job_store(url_, {.prefer_resident_for = time}); }
  void add(const std::string& id, std::vector<ModelFile> needs) {
    Job job;
    job.id = id;
    job.prompt = job.extra_data = "{}";
    job.targets = "[]";
    job.needs = std::move(needs);
    store_->add(job, false, false);
  }
  // A runner with both models.
  void enter(const std::string& name, std::vector<ModelFile> resident, RunnerState state = RunnerState::kIdle) {
    RunnerInfo runner;
    runner.name = runner.instance = name;
    runner.models = {kSmall, kLarge};
    runner.resident = std::move(resident);
    runner.state = state;
    store_->runners().enter(runner);
  }
  // The job that it gets, ended at once; nothing is "-".
  std::string next(const std::string& runner) {
    const auto claim = store_->claim(runner, kMinute);
    if (!claim) return "-";
    EXPECT_TRUE(store_->finish(claim->token, {}));
    return claim->job.id;
  }

  std::string url_;
  std::unique_ptr<JobStore> store_;
};

TEST_F(Placement, WhatIsInMemoryGoesFirst) {
  enter("one", {kSmall});
  add("a", {kLarge});
  add("b", {kSmall});
  add("c", {});  // needs nothing, so that nothing is to be loaded
  add("d", {kLarge, kSmall});
  EXPECT_EQ(next("one"), "b");
  EXPECT_EQ(next("one"), "c");
  EXPECT_EQ(next("one"), "a");  // nothing else is left to prefer
  EXPECT_EQ(next("one"), "d");
  EXPECT_EQ(next("one"), "-");
}

TEST_F(Placement, AJobIsPassedOverForABoundedTimeOnly) {
  prefer_for(std::chrono::milliseconds(200));
  enter("one", {kSmall});
  add("a", {kLarge});
  for (const char* id : {"b", "c", "d"}) add(id, {kSmall});
  EXPECT_EQ(next("one"), "b");
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(next("one"), "a");  // although its models are not there
  EXPECT_EQ(next("one"), "c");
}

TEST_F(Placement, AJobIsLeftToAnIdleRunnerThatHasItsModels) {
  enter("warm", {kSmall});
  enter("cold", {});
  add("a", {kSmall});
  EXPECT_EQ(next("cold"), "-");
  EXPECT_EQ(next("warm"), "a");
  add("b", {kLarge});  // nobody has it in memory
  EXPECT_EQ(next("cold"), "b");
}

TEST_F(Placement, ButNotForLongAndNotToOneThatIsBusyOrGone) {
  prefer_for(std::chrono::milliseconds(200));
  enter("warm", {kSmall});
  enter("cold", {});
  add("a", {kSmall});
  EXPECT_EQ(next("cold"), "-");
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(next("cold"), "a");
  add("b", {});
  const Claim b = store_->claim("warm", kMinute).value();  // now it is busy, without having said so
  add("c", {kSmall});
  EXPECT_EQ(next("cold"), "c");
  EXPECT_TRUE(store_->finish(b.token, {}));
  add("d", {kSmall});
  EXPECT_EQ(next("cold"), "-");  // it is idle again
  EXPECT_EQ(next("warm"), "d");
  postgres::Connection(url_).script("UPDATE runners SET seen = seen - 60000 WHERE name = 'warm'");
  add("e", {kSmall});
  EXPECT_EQ(next("cold"), "e");
}

TEST_F(Placement, AJobInFrontIsNotHeldUpByThoseThatNobodyCanRun) {
  enter("one", {});
  add("a", {{"checkpoints", "nowhere.safetensors", ""}});
  add("b", {kSmall});
  EXPECT_EQ(next("one"), "b");
  EXPECT_EQ(next("one"), "-");
  EXPECT_EQ(store_->pending().at(0).obstacle, "no runner has nowhere.safetensors");
  store_->runners().leave("one", "one");
  EXPECT_EQ(store_->pending().at(0).obstacle, "no runner is there");
}

// Each runner has a store object of its own, in its process, and reads what jobs need when they come.
TEST_F(Placement, RunnersOfOtherProcessesLearnWhatIsNeeded) {
  const auto other = open_job_store(url_);
  RunnerInfo runner;
  runner.name = runner.instance = "other";
  runner.models = {kSmall};
  other->runners().enter(runner);
  add("a", {kLarge});
  EXPECT_FALSE(other->claim("other", kMinute));
  add("b", {kSmall});
  EXPECT_EQ(other->claim("other", kMinute).value().job.id, "b");
  // A resident model is learnt with the next beat.
  runner.models = {kSmall, kLarge};
  other->runners().enter(runner);
  runner.resident = {kLarge};
  EXPECT_TRUE(other->runners().beat(runner));
  add("c", {kSmall});
  add("d", {kLarge});
  EXPECT_EQ(other->claim("other", kMinute).value().job.id, "a");
  EXPECT_EQ(other->claim("other", kMinute).value().job.id, "d");
}

// Nobody has heard of what the job needs before it comes: neither the runner that has it in memory, in a process of its
// own, nor the one that asks first.
TEST_F(Placement, AJobIsLeftToARunnerOfAnotherProcess) {
  const auto other = open_job_store(url_);
  RunnerInfo warm;
  warm.name = warm.instance = "warm";
  warm.models = {kSmall, kLarge};
  warm.resident = {kSmall};
  other->runners().enter(warm);
  enter("cold", {});
  add("a", {kSmall});
  add("b", {kLarge});
  EXPECT_EQ(next("cold"), "b");
  EXPECT_EQ(next("cold"), "-");
  EXPECT_EQ(other->claim("warm", kMinute).value().job.id, "a");
}

// Several front ends accept the first jobs that need some model at the same time: whoever comes second finds the set of
// models entered by the first, and its job is a new one all the same.
TEST_F(Placement, ManyFirstJobsOfAModelAtOnce) {
  constexpr int kFronts = 4, kModels = 25;
  std::vector<std::unique_ptr<JobStore>> stores;
  for (int i = 0; i < kFronts; ++i) stores.push_back(open_job_store(url_, {.connections = 1}));
  std::barrier together(kFronts);
  std::vector<std::thread> fronts;
  for (int i = 0; i < kFronts; ++i)
    fronts.emplace_back([&, i] {
      for (int m = 0; m < kModels; ++m) {
        Job job;
        job.id = std::to_string(i) + "-" + std::to_string(m);
        job.prompt = job.extra_data = "{}";
        job.targets = "[]";
        job.needs = {{"checkpoints", std::to_string(m) + ".safetensors", ""}};
        together.arrive_and_wait();
        EXPECT_NO_THROW(stores[static_cast<size_t>(i)]->add(job, false, false)) << job.id;
      }
    });
  for (auto& t : fronts) t.join();
  EXPECT_EQ(store_->queue_length(), kFronts * kModels);
}

}  // namespace
}  // namespace easel::server
#endif
