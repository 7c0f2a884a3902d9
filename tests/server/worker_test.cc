#include "server/jobs/worker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <new>

#include "base/error.h"
#include "server/jobs/sqlite/sqlite_job_store.h"
#include "server/test_server.h"
#include "server/waiting.h"

namespace easel::server {
namespace {

using testing::Json;
using testing::toy_prompt;
using testing::wait_for;

// A store that counts what it is asked.
class Watched : public JobStore {
 public:
  Job add(Job job, bool front, bool keep_number) override { return store_->add(std::move(job), front, keep_number); }
  std::optional<Claim> claim(const std::string& worker, Lease lease) override { return store_->claim(worker, lease); }
  Hold renew(ClaimToken token, Lease lease) override {
    const Hold held = store_->renew(token, lease);
    ++renewed;
    return held;
  }
  bool finish(ClaimToken token, const JobResult& result) override { return store_->finish(token, result); }
  bool give_back(ClaimToken token) override { return store_->give_back(token); }
  std::vector<Job> requeue_expired(int max_attempts, Lease grace) override {
    return store_->requeue_expired(max_attempts, grace);
  }
  std::vector<Job> requeue_claims_of(const std::string& worker, int max_attempts) override {
    return store_->requeue_claims_of(worker, max_attempts);
  }
  int64_t interrupt(const std::vector<std::string>& ids) override { return store_->interrupt(ids); }
  int64_t cancel(const std::vector<std::string>& ids) override { return store_->cancel(ids); }
  bool move(const std::string& id, const std::string& before) override { return store_->move(id, before); }
  std::vector<Job> pending(int64_t limit) const override { return store_->pending(limit); }
  std::vector<Job> running() const override { return store_->running(); }
  int64_t queue_length() const override { return store_->queue_length(); }
  std::optional<Job> get(const std::string& id) const override { return store_->get(id); }
  std::vector<Job> history(const HistoryQuery& query) const override { return store_->history(query); }
  std::vector<EndedJob> ended_within(std::chrono::milliseconds time) const override {
    return store_->ended_within(time);
  }
  void forget(const std::vector<std::string>& ids) override { store_->forget(ids); }
  void forget_all() override { store_->forget_all(); }
  void trim_history(int64_t keep) override { store_->trim_history(keep); }
  bool paused() const override { return store_->paused(); }
  void set_paused(bool paused) override { store_->set_paused(paused); }
  JobNotices& notices() override { return store_->notices(); }
  std::chrono::milliseconds look_again() const override { return store_->look_again(); }
  RunnerTable& runners() override { return store_->runners(); }

  std::atomic<int> renewed{0};

 private:
  const std::unique_ptr<JobStore> store_ = open_sqlite_job_store(":memory:");
};

// One that cannot count its queue, as when its disk fails for a moment.
class Failing final : public Watched {
 public:
  int64_t queue_length() const override {
    ++asked;
    throw Error(Fault::kInternal, "disk I/O error");
  }

  mutable std::atomic<int> asked{0};
};

// A runner that does what a test says.
class Doing final : public JobRunner {
 public:
  using Run = std::function<RunResult(const RunRequest&, engine::EventSink&, const CancelToken&)>;
  explicit Doing(Run run) : run_(std::move(run)) {}
  engine::Plan check(const workflow::Prompt&, const std::vector<std::string>&) override { return {}; }
  RunResult run(RunRequest request, engine::EventSink& sink, const CancelToken& cancel) override {
    return run_(request, sink, cancel);
  }
  void free_memory(bool, bool) override { throw 7; }

 private:
  const Run run_;
};

Job toy_job(const std::string& id, const std::string& client = {}) {
  Job job;
  job.id = id;
  job.prompt = workflow::dump_json(toy_prompt(1));
  job.extra_data = "{}";
  job.targets = R"(["5"])";
  job.client_id = client;
  return job;
}

// Everything that a job goes through, but for HTTP.
struct House {
  explicit House(Doing::Run run, WorkerOptions options = {}, std::unique_ptr<JobStore> with = nullptr)
      : store(with ? std::move(with) : open_sqlite_job_store(":memory:")),
        runner(std::move(run)),
        worker(*store, hub, delivery, runner, metrics, std::move(options)) {
    configure_log(Level::kError, false);
  }
  bool ends(const std::string& id) {
    return wait_for(20, [&] { return is_final(store->get(id)->state); });
  }

  std::unique_ptr<JobStore> store;
  EventHub hub;
  Delivery delivery{std::chrono::hours(1)};
  Metrics metrics;
  Doing runner;
  Worker worker;
};

std::vector<std::string> types_in(Mailbox& box) {
  std::vector<std::string> out;
  for (Message m; box.take(m);)
    if (!m.binary) out.push_back(Json::parse(*m.payload)["type"]);
  return out;
}

TEST(Worker, AJobIsRunThoughTheQueueCannotBeCounted) {
  auto store = std::make_unique<Failing>();
  const Failing& failing = *store;
  House house([](auto&...) { return RunResult{}; }, {}, std::move(store));
  house.store->add(toy_job("a"), false, false);
  house.worker.start();
  EXPECT_TRUE(house.ends("a"));
  house.worker.stop();
  EXPECT_EQ(house.store->get("a")->state, JobState::kSuccess);
  EXPECT_GT(failing.asked, 0);
}

TEST(Worker, AnyExceptionEndsTheJobAndNothingElse) {
  const struct {
    std::function<void()> what;
    const char* failure;
  } cases[] = {
      {[] { throw std::runtime_error("a defect"); }, "a defect"},
      {[] { throw std::runtime_error("\xFF not text"); }, "not text"},
      {[] { throw Error(Fault::kBadFile, "cut short"); }, "cut short"},
      {[] { throw std::bad_alloc(); }, "out of memory"},
      {[] { throw 7; }, "no exception"},
      {[] { throw std::string("text"); }, "no exception"},
  };
  House house([&](const RunRequest& request, engine::EventSink& sink, const CancelToken&) {
    sink.take(engine::NodesReused{});
    if (request.id != "good") cases[std::stoi(request.id)].what();
    return RunResult{};
  });
  const auto box = std::make_shared<Mailbox>("me", [] {});
  house.hub.connect(box);
  house.worker.start();
  for (size_t i = 0; i < std::size(cases); ++i) {
    const std::string id = std::to_string(i);
    house.store->add(toy_job(id, "me"), false, false);
    house.worker.free_memory(true, true);  // which throws as well
    ASSERT_TRUE(house.ends(id)) << i;
    const Job job = house.store->get(id).value();
    EXPECT_EQ(job.state, JobState::kFailed);
    EXPECT_NE(job.failure.find(cases[i].failure), std::string::npos) << job.failure;
    EXPECT_NE(job.messages.find("execution_error"), std::string::npos);
  }
  house.store->add(toy_job("good"), false, false);
  ASSERT_TRUE(house.ends("good"));
  EXPECT_EQ(house.store->get("good")->state, JobState::kSuccess);
  house.worker.stop();
  const auto told = types_in(*box);
  EXPECT_EQ(static_cast<size_t>(std::count(told.begin(), told.end(), "execution_error")), std::size(cases));
}

// Of jobs that wait no longer, house-keeping drops the plans.
TEST(Worker, KeepsThePlansOfWaitingJobsOnly) {
  std::atomic<int> planned{0};
  House house(
      [&](const RunRequest& request, auto&...) {
        planned += request.plan ? 1 : 0;
        return RunResult{};
      },
      {.keep_history = 1});  // house is kept after each job
  house.store->set_paused(true);
  for (const char* id : {"a", "b"}) {
    house.worker.plans().keep(toy_job(id), {});
    house.store->add(toy_job(id), false, false);
  }
  house.worker.plans().keep(toy_job("never added"), {});
  house.store->cancel({"b"});
  house.worker.start();
  house.store->set_paused(false);
  ASSERT_TRUE(house.ends("a"));
  EXPECT_EQ(planned, 1);
  EXPECT_TRUE(wait_for(20, [&] { return house.worker.plans().ids().empty(); }));
}

// Of a fleet's runners none may say how much history the fleet has.
TEST(Worker, CanLeaveTheHistoryAlone) {
  constexpr int kJobs = 60;  // house is kept after 50
  for (const int64_t keep : {int64_t{-1}, int64_t{10}}) {
    std::atomic<int> kept_house{0};
    House house([](auto&...) { return RunResult{}; }, {.keep_history = keep, .housekeeping = [&] { ++kept_house; }});
    for (int i = 0; i < kJobs; ++i) house.store->add(toy_job(std::to_string(i)), false, false);
    house.worker.start();
    ASSERT_TRUE(wait_for(20, [&] { return house.store->queue_length() == 0; }));
    house.worker.stop();
    EXPECT_EQ(house.store->history({}).size(), keep < 0 ? size_t{kJobs} : 10u);
    EXPECT_EQ(kept_house, keep < 0 ? 1 : kJobs);
  }
}

TEST(Worker, AJobThatCannotBeReadFails) {
  House house([](const RunRequest&, auto&...) -> RunResult { throw Error(Fault::kInvalid, "no prompt"); });
  house.worker.start();
  int n = 0;
  for (const auto& [prompt, targets] : std::vector<std::pair<std::string, std::string>>{
           {"{", "[]"}, {"7", "[]"}, {R"({"1":{"class_type":7}})", "[]"}, {"{}", "{"}, {"{}", "[7]"}, {"", ""}}) {
    Job job = toy_job(std::to_string(n++));
    job.prompt = prompt;
    job.targets = targets;
    house.store->add(job, false, false);
    ASSERT_TRUE(house.ends(job.id)) << prompt << targets;
    EXPECT_EQ(house.store->get(job.id)->state, JobState::kFailed);
    EXPECT_NE(house.store->get(job.id)->failure, "");
  }
}

TEST(Worker, AnErrorThatSaysCancelledIsAnInterruption) {
  House house([](auto&...) -> RunResult { throw Error(Fault::kCancelled, "stopped"); });
  house.worker.start();
  house.store->add(toy_job("a"), false, false);
  ASSERT_TRUE(house.ends("a"));
  EXPECT_EQ(house.store->get("a")->state, JobState::kInterrupted);
}

// The job does not wait for the answer to the request that queued it; what it tells does.
TEST(Worker, AJobRunsBeforeItsAnswerIsSentAndTellsAfterIt) {
  House house([](const RunRequest&, engine::EventSink& sink, const CancelToken&) {
    sink.take(engine::NodesReused{});
    sink.take(engine::NodeStarted{"1", "Load"});
    sink.take(engine::NodeProgress{"1", 1, 1, {}});
    sink.take(engine::NodeFinished{{.id = "1", .class_type = "Load"}, {}});
    return RunResult{};
  });
  const auto box = std::make_shared<Mailbox>("me", [] {});
  house.hub.connect(box);
  auto answer = house.delivery.hold("a");
  house.store->add(toy_job("a", "me"), false, false);
  house.worker.start();
  ASSERT_TRUE(house.ends("a"));
  ASSERT_TRUE(wait_for(20, [&] { return !house.worker.running(); }));
  for (const std::string& type : types_in(*box)) EXPECT_EQ(type, "status");
  answer.reset();
  house.delivery.flush("a");
  house.worker.stop();
  EXPECT_EQ(types_in(*box), (std::vector<std::string>{"execution_start", "execution_cached", "progress_state",
                                                      "executing", "progress_state", "progress", "progress_state",
                                                      "execution_success", "status", "executing"}));
}

TEST(Worker, AClaimIsRenewedWhileItsJobIsComputed) {
  constexpr Lease kLease = std::chrono::milliseconds(60);
  std::atomic<bool> go_on{false};
  auto watched = std::make_unique<Watched>();
  const std::atomic<int>& renewed = watched->renewed;
  House house(
      [&](auto&...) {
        while (!go_on) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return RunResult{};
      },
      {.name = "w", .lease = kLease}, std::move(watched));
  const auto now = [] {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  };
  house.store->add(toy_job("a"), false, false);
  house.worker.start();
  ASSERT_TRUE(wait_for(20, [&] { return house.worker.running().has_value(); }));
  // The first lease has ended by this moment. One renewal may have begun before it, the next one has not.
  const int64_t first_end = now() + kLease.count();
  ASSERT_TRUE(wait_for(20, [&] { return now() > first_end; }));
  const int before = renewed;
  ASSERT_TRUE(wait_for(20, [&] { return renewed >= before + 2; }));
  EXPECT_TRUE(house.store->requeue_expired(1, Lease(now() - first_end)).empty());
  EXPECT_EQ(house.store->get("a")->state, JobState::kRunning);
  go_on = true;
  ASSERT_TRUE(house.ends("a"));
  EXPECT_EQ(house.store->get("a")->state, JobState::kSuccess);
}

TEST(Worker, AJobThatWasGivenToAnotherIsStoppedAndItsResultRefused) {
  std::atomic<bool> stopped{false};
  House house(
      [&](const RunRequest&, engine::EventSink&, const CancelToken& cancel) {
        while (!cancel.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        stopped = true;
        return RunResult{};
      },
      {.name = "w", .lease = std::chrono::milliseconds(30)});
  const auto box = std::make_shared<Mailbox>("me", [] {});
  house.hub.connect(box);
  house.store->add(toy_job("a", "me"), false, false);
  house.worker.start();
  ASSERT_TRUE(wait_for(20, [&] { return house.worker.running().has_value(); }));
  house.store->set_paused(true);
  house.store->requeue_claims_of("w", 2);
  const Claim other = house.store->claim("other", std::chrono::minutes(1)).value();
  EXPECT_EQ(other.job.id, "a");
  ASSERT_TRUE(wait_for(20, [&] { return !house.worker.running(); }));
  EXPECT_TRUE(stopped);
  EXPECT_EQ(house.store->get("a")->state, JobState::kRunning);
  EXPECT_TRUE(house.store->finish(other.token, {}));
  house.worker.stop();
  const auto told = types_in(*box);
  EXPECT_EQ(std::count(told.begin(), told.end(), "execution_success"), 0);
}

}  // namespace
}  // namespace easel::server
