#include "server/jobs/worker.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "server/log.h"

namespace easel::server {

using workflow::Json;

namespace {

constexpr const char* kName = "local";  // in the store; a server has one worker, and locks the store's folder
// A worker that holds a job is alive as long as its process is, so nothing hangs on this in one process.
constexpr Lease kLease = std::chrono::hours(24);
// A job that was running when the server died this many times is not tried again.
constexpr int kMaxAttempts = 2;
constexpr int64_t kHousekeepingEvery = 50;  // jobs
// A server that has little to do keeps its limits as well.
constexpr auto kHousekeepingInterval = std::chrono::minutes(10);

int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

double seconds_since_ms(int64_t ms) { return static_cast<double>(now_ms() - ms) / 1e3; }

// What the job was accepted with; nothing where the store holds something else (it was edited by hand).
Json parsed_or_empty(const std::string& text) {
  try {
    return workflow::parse_json(text);
  } catch (const Error&) {
    return Json::object();
  }
}

RunResult failed(const std::string& why, Fault fault) {
  RunResult out;
  out.end = RunEnd::kFailed;
  out.error = why;
  out.error_type = fault_name(fault);
  return out;
}

}  // namespace

// Notes which node runs, for clients that connect in the middle.
class Worker::Tracker final : public engine::EventSink {
 public:
  Tracker(Worker& worker, JobEvents& events) : worker_(worker), events_(events) {}
  void take(const engine::RunEvent& event) override {
    if (const auto* started = std::get_if<engine::NodeStarted>(&event)) set(started->node);
    events_.take(event);
    if (std::holds_alternative<engine::NodeFinished>(event)) set({});
  }
  bool take_picture(const engine::PictureFinished& picture) override { return events_.take_picture(picture); }
  bool wants_preview() override { return events_.wants_preview(); }

 private:
  void set(const std::string& node) {
    std::lock_guard lock(worker_.mutex_);
    if (worker_.current_) worker_.current_->job.node = node;
  }
  Worker& worker_;
  JobEvents& events_;
};

Worker::Worker(JobStore& store, EventHub& hub, JobRunner& runner, Metrics& metrics, WorkerOptions options)
    : store_(store), hub_(hub), runner_(runner), metrics_(metrics), options_(std::move(options)) {}

Worker::~Worker() { stop(); }

void Worker::recover() {
  std::vector<Job> failed = store_.requeue_claims_of(kName, kMaxAttempts);
  for (Job& job : store_.requeue_expired(now_ms(), kMaxAttempts)) failed.push_back(std::move(job));
  for (const Job& job : failed) log(Level::kError, "job set aside", {{"prompt_id", job.id}, {"why", job.failure}});
}

void Worker::start() {
  thread_ = std::thread([this] { run(); });
}

void Worker::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    if (current_) current_->cancel.cancel();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  waiters_.notify_all();
}

void Worker::wake() {
  {
    std::lock_guard lock(mutex_);
    awake_ = true;
  }
  changed_.notify_all();
}

bool Worker::interrupt(const std::string& id) {
  std::lock_guard lock(mutex_);
  if (!current_ || (!id.empty() && current_->job.id != id)) return false;
  current_->by_request = true;
  current_->cancel.cancel();
  return true;
}

void Worker::free_memory(bool models, bool results) {
  {
    std::lock_guard lock(mutex_);
    free_models_ |= models;
    free_results_ |= results;
    awake_ = true;
  }
  changed_.notify_all();
}

void Worker::send_status() {
  try {
    hub_.send(Recipients::everybody(), status_message(store_.queue_length()), Urgency::kProgress);
  } catch (const std::exception& e) {
    log(Level::kError, "cannot read the queue", {{"error", std::string(e.what())}});
  }
}

void Worker::keep_house() {
  jobs_since_ = 0;
  store_.trim_history(options_.keep_history);
  if (options_.housekeeping) options_.housekeeping();
}

std::optional<Worker::Running> Worker::running() const {
  std::lock_guard lock(mutex_);
  if (!current_) return std::nullopt;
  return current_->job;
}

bool Worker::wait_a_second() {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_; });
}

void Worker::run() {
  for (;;) {
    try {
      const auto claim = next();
      if (!claim) return;
      run_job(*claim);
      // A short history is kept to its length more closely than a long one.
      if (++jobs_since_ >= std::clamp<int64_t>(options_.keep_history / 20, 1, kHousekeepingEvery)) keep_house();
    } catch (const std::exception& e) {
      // The store cannot be read or written (a full disk); nothing is lost by trying again.
      log(Level::kError, "the job store fails", {{"error", std::string(e.what())}});
      if (!wait_a_second()) return;
    }
  }
}

std::optional<Claim> Worker::next() {
  for (;;) {
    bool models = false, results = false;
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait_for(lock, kHousekeepingInterval, [this] { return stopping_ || awake_; })) {
        lock.unlock();
        keep_house();
        continue;
      }
      if (stopping_) return std::nullopt;
      awake_ = false;
      models = std::exchange(free_models_, false);
      results = std::exchange(free_results_, false);
    }
    if (models || results) runner_.free_memory(models, results);
    std::optional<Claim> claim;
    if (!store_.paused()) claim = store_.claim(kName, kLease);
    if (!claim) continue;
    std::lock_guard lock(mutex_);
    awake_ = true;  // look again after this one
    current_ = Current{{claim->job.id, claim->job.client_id, {}}, {}, false};
    if (stopping_) current_->cancel.cancel();
    return claim;
  }
}

RunResult Worker::execute(const Job& job, const Json& prompt, engine::EventSink& sink, const CancelToken& cancel) {
  try {
    RunRequest request;
    request.id = job.id;
    request.prompt = prompt;
    request.extra_data = workflow::parse_json(job.extra_data);
    for (const Json& id : workflow::parse_json(job.targets)) request.outputs.push_back(id.get<std::string>());
    return runner_.run(request, sink, cancel);
  } catch (const Error& e) {
    if (e.fault() != Fault::kCancelled) return failed(e.what(), e.fault());
    RunResult out;
    out.end = RunEnd::kInterrupted;
    return out;
  } catch (const std::bad_alloc&) {
    return failed("out of memory", Fault::kMemory);
  } catch (const std::exception& e) {
    return failed(e.what(), Fault::kInternal);
  }
}

void Worker::run_job(const Claim& claim) {
  const Job& job = claim.job;
  const CancelToken cancel = current_->cancel;
  const auto release = [this] {
    std::lock_guard lock(mutex_);
    const bool by_request = current_ && current_->by_request;
    current_.reset();
    return by_request;
  };
  log(Level::kInfo, "job started", {{"prompt_id", job.id}, {"attempt", int64_t{job.attempts}}});
  metrics_.observe("easel_job_seconds", seconds_since_ms(job.created_ms), R"(stage="queued")");
  send_status();
  const auto start = std::chrono::steady_clock::now();
  const Json prompt = parsed_or_empty(job.prompt);
  JobEvents events(job, prompt, hub_, metrics_);
  Tracker tracker(*this, events);
  gate_.wait(job.id);
  events.start();
  const RunResult result = execute(job, prompt, tracker, cancel);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  bool stopping = false;
  {
    std::lock_guard lock(mutex_);
    stopping = stopping_ && !(current_ && current_->by_request);
  }
  if (result.end == RunEnd::kInterrupted && stopping) {
    store_.give_back(claim.token);
    release();
    log(Level::kInfo, "job put back for the next start", {{"prompt_id", job.id}});
    return;
  }
  const JobResult end = events.conclude(result);
  const bool success = end.state == JobState::kSuccess;
  // A failure is told while the job is still in the queue: a client that finds it neither there nor among the
  // successes takes it for lost. A success is told when the history has it.
  if (!success) events.send_end();
  // Counted first: whoever sees the end finds it in the metrics.
  metrics_.observe("easel_job_seconds", seconds, R"(stage="running")");
  metrics_.count("easel_jobs_total", std::string("state=\"") + job_state_name(end.state) + "\"");
  const bool written = finish(claim, end);
  release();
  if (!written) return;
  log(end.state == JobState::kFailed ? Level::kError : Level::kInfo, "job ended",
      {{"prompt_id", job.id},
       {"state", std::string(job_state_name(end.state))},
       {"seconds", seconds},
       {"failure", end.failure}});
  waiters_.notify(job.id);
  if (success) events.send_end();
  send_status();
  events.send_idle();
}

bool Worker::finish(const Claim& claim, const JobResult& result) {
  for (;;) {
    try {
      if (!store_.finish(claim.token, result))
        log(Level::kWarning, "a job ended that does not run", {{"prompt_id", claim.job.id}});
      return true;
    } catch (const std::exception& e) {
      log(Level::kError, "cannot write a job's end", {{"prompt_id", claim.job.id}, {"error", std::string(e.what())}});
    }
    if (!wait_a_second()) return false;
  }
}

}  // namespace easel::server
