// Many claimers at one database: no job is lost and none ends twice, whatever dies.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <random>
#include <set>

#include "base/error.h"
#include "server/claimer_child.h"
#include "server/postgres_server.h"
#include "server/test_jobs.h"
#include "server/waiting.h"

#ifdef EASEL_HAS_POSTGRES

namespace easel::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::ClaimerChild;
using testing::PostgresServer;
using testing::seconds_since;
using testing::shared_postgres;
using testing::test_job;

class FleetLoad : public ::testing::Test {
 protected:
  void SetUp() override { EASEL_NEEDS_POSTGRES(); }
};

// Each job is in the history once, and ended well.
void expect_all_ended_once(const JobStore& store, const std::set<std::string>& accepted) {
  std::map<std::string, int> ended;
  for (const Job& job : store.history({})) {
    EXPECT_EQ(job.state, JobState::kSuccess) << job.id << ": " << job.failure;
    ++ended[job.id];
  }
  for (const std::string& id : accepted) EXPECT_EQ(ended[id], 1) << id;
  EXPECT_EQ(ended.size(), accepted.size());
}

TEST_F(FleetLoad, SixteenClaimersNeverShareAJob) {
  constexpr int kJobs = 800, kClaimers = 16;
  const std::string url = shared_postgres().new_database();
  const auto store = open_job_store(url);
  std::set<std::string> accepted;
  for (int i = 0; i < kJobs; ++i) accepted.insert(store->add(test_job("j" + std::to_string(i)), false, false).id);
  std::vector<std::vector<Claim>> claimed(kClaimers);
  std::vector<std::unique_ptr<JobStore>> stores;
  for (int i = 0; i < kClaimers; ++i) stores.push_back(open_job_store(url, {.connections = 1}));
  const auto start = steady_clock::now();
  std::vector<std::thread> claimers;
  for (size_t i = 0; i < kClaimers; ++i)
    claimers.emplace_back([&, i] {
      while (auto claim = stores[i]->claim("w" + std::to_string(i), std::chrono::minutes(1)))
        claimed[i].push_back(std::move(*claim));
    });
  for (auto& t : claimers) t.join();
  const double seconds = seconds_since(start);
  std::set<std::string> jobs;
  std::set<ClaimToken> tokens;
  for (const auto& of_one : claimed)
    for (const Claim& claim : of_one) {
      EXPECT_TRUE(jobs.insert(claim.job.id).second) << claim.job.id;
      EXPECT_TRUE(tokens.insert(claim.token).second);
      EXPECT_EQ(claim.job.attempts, 1);
    }
  EXPECT_EQ(jobs, accepted);
  RecordProperty("claims_per_second", static_cast<int>(kJobs / seconds));
  std::printf("%d claims by %d claimers: %.0f a second\n", kJobs, kClaimers, kJobs / seconds);
}

// A database that ends while jobs are accepted, claimed and ended, in good order or not.
TEST_F(FleetLoad, NoJobIsLostWhenTheDatabaseIsRestarted) {
  PostgresServer server;
  const std::string url = server.new_database();
  constexpr int kClients = 3, kRunners = 6, kJobsOfOne = 60;
  const SharedStoreOptions patient{.patience = std::chrono::minutes(2)};
  const auto store = open_job_store(url, patient);
  Mutex mutex;
  std::set<std::string> accepted;
  std::map<std::string, int> ends;  // by job: how often a runner was told that its end counts
  std::atomic<int> restarts{0};
  std::atomic<bool> all_added{false};
  std::vector<std::thread> threads;
  std::atomic<int> clients{kClients};
  for (int c = 0; c < kClients; ++c)
    threads.emplace_back([&, c] {
      const auto mine = open_job_store(url, patient);
      for (int i = 0; i < kJobsOfOne || restarts < 3; ++i) {
        const std::string id = "c" + std::to_string(c) + "-" + std::to_string(i);
        mine->add(test_job(id), false, false);
        MutexLock lock(mutex);
        accepted.insert(id);
        lock.unlock();
        std::this_thread::sleep_for(milliseconds(2));
      }
      if (--clients == 0) all_added = true;
    });
  for (int r = 0; r < kRunners; ++r)
    threads.emplace_back([&, r] {
      const auto mine = open_job_store(url, patient);
      for (;;) {
        const bool last = all_added;
        const auto claim = mine->claim("r" + std::to_string(r), std::chrono::minutes(5));
        if (!claim && last) return;
        std::this_thread::sleep_for(milliseconds(claim ? 2 : 10));
        if (!claim || !mine->finish(claim->token, {})) continue;
        MutexLock lock(mutex);
        ++ends[claim->job.id];
      }
    });
  for (const auto how : {PostgresServer::Stop::kFast, PostgresServer::Stop::kImmediate, PostgresServer::Stop::kFast}) {
    std::this_thread::sleep_for(milliseconds(300));
    server.stop(how);
    std::this_thread::sleep_for(milliseconds(100));
    server.start();
    ++restarts;
  }
  for (auto& t : threads) t.join();
  expect_all_ended_once(*store, accepted);
  for (const std::string& id : accepted) EXPECT_EQ(ends[id], 1) << id;
  EXPECT_EQ(store->queue_length(), 0);
}

TEST_F(FleetLoad, NoJobIsLostWhenClaimersAreKilled) {
  constexpr int kJobs = 400, kClaimers = 4, kKills = 20;
  const std::string url = shared_postgres().new_database();
  const auto store = open_job_store(url);
  std::set<std::string> accepted;
  for (int i = 0; i < kJobs; ++i) accepted.insert(store->add(test_job("j" + std::to_string(i)), false, false).id);
  std::vector<std::unique_ptr<ClaimerChild>> children(kClaimers);
  for (auto& child : children) child = std::make_unique<ClaimerChild>(url);
  std::mt19937 random(7);
  int kills = 0, again = 0;
  // A job may be under way at each of its claimers' deaths; that is no reason here to set it aside.
  while (store->queue_length() > 0) {
    std::this_thread::sleep_for(milliseconds(20 + random() % 60));
    EXPECT_TRUE(store->requeue_expired(1000).empty());
    if (kills == kKills) continue;
    ++kills;
    children[random() % kClaimers] = std::make_unique<ClaimerChild>(url);  // the one before it is killed
  }
  expect_all_ended_once(*store, accepted);
  for (const Job& job : store->history({})) again += job.attempts > 1;
  std::printf("%d kills; %d jobs were run again\n", kills, again);
}

// The promise that a front end makes to a client: its jobs start in the order in which they were accepted.
TEST_F(FleetLoad, JobsOfOneClientStartInTheirOrder) {
  const std::string url = shared_postgres().new_database();
  constexpr int kClients = 3, kJobsOfOne = 40;
  std::vector<std::thread> clients;
  for (int c = 0; c < kClients; ++c)
    clients.emplace_back([&, c] {
      const auto mine = open_job_store(url);  // each at a front end of its own
      for (int i = 0; i < kJobsOfOne; ++i) {
        Job job = test_job(std::to_string(c) + "-" + std::to_string(i));
        job.client_id = std::to_string(c);
        mine->add(job, false, false);
      }
    });
  for (auto& t : clients) t.join();
  const auto store = open_job_store(url);
  std::map<std::string, int> next;
  while (const auto claim = store->claim("w", std::chrono::minutes(1))) {
    const std::string expected = claim->job.client_id + "-" + std::to_string(next[claim->job.client_id]++);
    EXPECT_EQ(claim->job.id, expected);
    EXPECT_TRUE(store->finish(claim->token, {}));
  }
  EXPECT_EQ(next.size(), size_t{kClients});
}

}  // namespace
}  // namespace easel::server
#endif
