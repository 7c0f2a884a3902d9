#include "server/jobs/worker.h"

#include <gtest/gtest.h>

#include <atomic>

#include "base/error.h"
#include "server/jobs/sqlite/sqlite_job_store.h"
#include "server/test_server.h"

namespace easel::server {
namespace {

using testing::toy_prompt;

// A store that cannot count, as when its disk fails for a moment.
class Failing final : public JobStore {
 public:
  Job add(Job job, bool front, bool keep_number) override { return store_->add(std::move(job), front, keep_number); }
  std::optional<Claim> claim(const std::string& worker, Lease lease) override { return store_->claim(worker, lease); }
  bool renew(ClaimToken token, Lease lease) override { return store_->renew(token, lease); }
  bool finish(ClaimToken token, const JobResult& result) override { return store_->finish(token, result); }
  bool give_back(ClaimToken token) override { return store_->give_back(token); }
  std::vector<Job> requeue_expired(int64_t now, int max_attempts) override {
    return store_->requeue_expired(now, max_attempts);
  }
  std::vector<Job> requeue_claims_of(const std::string& worker, int max_attempts) override {
    return store_->requeue_claims_of(worker, max_attempts);
  }
  int64_t cancel(const std::vector<std::string>& ids) override { return store_->cancel(ids); }
  bool move(const std::string& id, const std::string& before) override { return store_->move(id, before); }
  std::vector<Job> pending(int64_t limit) const override { return store_->pending(limit); }
  std::vector<Job> running() const override { return store_->running(); }
  int64_t queue_length() const override {
    ++asked;
    throw Error(Fault::kInternal, "disk I/O error");
  }
  std::optional<Job> get(const std::string& id) const override { return store_->get(id); }
  std::vector<Job> history(const HistoryQuery& query) const override { return store_->history(query); }
  void forget(const std::vector<std::string>& ids) override { store_->forget(ids); }
  void forget_all() override { store_->forget_all(); }
  void trim_history(int64_t keep) override { store_->trim_history(keep); }
  bool paused() const override { return store_->paused(); }
  void set_paused(bool paused) override { store_->set_paused(paused); }

  mutable std::atomic<int> asked{0};

 private:
  const std::unique_ptr<JobStore> store_ = open_sqlite_job_store(":memory:");
};

TEST(Worker, AJobIsRunThoughTheQueueCannotBeCounted) {
  testing::TempFolder folder;
  std::filesystem::create_directories(folder.path() / "output");
  configure_log(Level::kError, false);
  Failing store;
  EventHub hub;
  Metrics metrics;
  testing::FakeRunner runner(folder.path() / "output");
  Worker worker(store, hub, runner, metrics, {});
  Job job;
  job.id = "a";
  job.prompt = workflow::dump_json(toy_prompt(1));
  job.extra_data = "{}";
  job.targets = R"(["5"])";
  store.add(job, false, false);
  worker.start();
  for (int i = 0; i < 1000 && !is_final(store.get("a")->state); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  worker.stop();
  EXPECT_EQ(store.get("a")->state, JobState::kSuccess);
  EXPECT_GT(store.asked, 0);
}

}  // namespace
}  // namespace easel::server
