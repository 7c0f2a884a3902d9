#include "server/jobs/worker.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/error.h"
#include "server/jobs/clock.h"
#include "server/jobs/failure.h"
#include "server/log.h"

namespace easel::server {

using workflow::Json;

namespace {

// Jobs between two times that house is kept. A short history is kept to its length more closely than a long one.
int64_t jobs_between(int64_t keep_history) {
  constexpr int64_t kMost = 50;
  return keep_history < 0 ? kMost : std::clamp<int64_t>(keep_history / 20, 1, kMost);
}
// A server that has little to do keeps its limits as well.
constexpr auto kHousekeepingInterval = std::chrono::minutes(10);

double seconds_since_ms(int64_t ms) { return static_cast<double>(now_ms() - ms) / 1e3; }

// What the job was accepted with; nothing where the store holds something else (it was edited by hand).
Json parsed_or_empty(const std::string& text) {
  try {
    return workflow::parse_json(text);
  } catch (const Error&) {
    return Json::object();
  }
}

// Does what may fail without harm to anything but itself.
void attempt(const char* what, const std::string& id, const std::function<void()>& action) {
  try {
    action();
  } catch (...) {
    log(Level::kError, what, {{"prompt_id", id}, {"error", current_failure().text}});
  }
}

}  // namespace

Worker::Worker(JobStore& store, EventHub& hub, Delivery& delivery, JobRunner& runner, Metrics& metrics,
               WorkerOptions options)
    : store_(store),
      hub_(hub),
      delivery_(delivery),
      metrics_(metrics),
      options_(std::move(options)),
      computer_(runner),
      notices_(store.notices().listen([this](const Notice& notice) { hear(notice); },
                                      {Notice::What::kQueue, Notice::What::kInterrupt})) {}

Worker::~Worker() { stop(); }

void Worker::recover() {
  set_aside(store_.requeue_claims_of(options_.name, options_.max_attempts));
  set_aside(store_.requeue_expired(options_.max_attempts));
}

void Worker::set_aside(const std::vector<Job>& failed) {
  for (const Job& job : failed) {
    log(Level::kError, "job set aside", {{"prompt_id", job.id}, {"why", job.failure}});
    waiters_.notify(job.id);
  }
}

void Worker::start() {
  thread_ = std::thread([this] { run(); });
}

void Worker::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    if (current_) current_->cancel.cancel();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  waiters_.notify_all();
}

void Worker::wake() {
  {
    MutexLock lock(mutex_);
    awake_ = true;
  }
  changed_.notify_all();
}

bool Worker::interrupt(const std::string& id) {
  MutexLock lock(mutex_);
  if (!current_ || (!id.empty() && current_->id != id)) return false;
  current_->by_request = true;
  current_->cancel.cancel();
  return true;
}

void Worker::hear(const Notice& notice) {
  if (notice.what == Notice::What::kInterrupt && !notice.id.empty()) interrupt(notice.id);
  if (notice.what == Notice::What::kQueue || notice.what == Notice::What::kMissed) wake();
}

void Worker::free_memory(bool models, bool results) {
  {
    MutexLock lock(mutex_);
    free_models_ |= models;
    free_results_ |= results;
    awake_ = true;
  }
  changed_.notify_all();
}

void Worker::keep_house() {
  jobs_since_ = 0;
  house_kept_ = std::chrono::steady_clock::now();
  if (options_.keep_history >= 0) store_.trim_history(options_.keep_history);
  const auto failed = store_.requeue_expired(options_.max_attempts);
  set_aside(failed);
  drop_plans();
  if (options_.housekeeping) options_.housekeeping();
}

void Worker::look_after_the_queue() {
  if (std::chrono::steady_clock::now() - house_kept_ >= kHousekeepingInterval) return keep_house();
  set_aside(store_.requeue_expired(options_.max_attempts));
}

void Worker::drop_plans() {
  std::vector<std::string> gone;
  for (const std::string& id : plans_.ids())
    if (const auto job = store_.get(id); !job || job->state != JobState::kPending) gone.push_back(id);
  plans_.drop(gone);
}

std::optional<Worker::Running> Worker::running() const {
  MutexLock lock(mutex_);
  if (!current_) return std::nullopt;
  Running out{current_->id, current_->client_id, {}};
  if (current_->events && !delivery_.holds(out.id)) out.node = current_->events->node();
  return out;
}

std::vector<Worker::Running> Worker::running_jobs() const {
  auto job = running();
  return job ? std::vector{std::move(*job)} : std::vector<Running>{};
}

bool Worker::wait_a_second() {
  MutexLock lock(mutex_);
  return !changed_.wait_for(lock, std::chrono::seconds(1), [this]() EASEL_REQUIRES(mutex_) { return stopping_; });
}

void Worker::run() {
  for (;;) {
    try {
      const auto claim = next();
      if (!claim) return;
      attend(*claim);
      if (++jobs_since_ >= jobs_between(options_.keep_history)) keep_house();
    } catch (...) {
      // The store cannot be read or written (a full disk); nothing is lost by trying again.
      log(Level::kError, "the job store fails", {{"error", current_failure().text}});
      if (!wait_a_second()) return;
    }
  }
}

std::optional<Claim> Worker::next() {
  for (;;) {
    bool models = false, results = false;
    {
      MutexLock lock(mutex_);
      if (!changed_.wait_for(lock, std::min<std::chrono::milliseconds>(store_.look_again(), kHousekeepingInterval),
                             [this]() EASEL_REQUIRES(mutex_) { return stopping_ || awake_; })) {
        lock.unlock();
        look_after_the_queue();
        lock.lock();
      }
      if (stopping_) return std::nullopt;
      awake_ = false;
      models = std::exchange(free_models_, false);
      results = std::exchange(free_results_, false);
    }
    if (models || results) computer_.free_memory(models, results);
    std::optional<Claim> claim;
    if (!store_.paused()) claim = store_.claim(options_.name, options_.lease);
    if (!claim) continue;
    MutexLock lock(mutex_);
    awake_ = true;  // look again after this one
    current_ = Current{claim->job.id, claim->job.client_id, {}, false, nullptr};
    if (stopping_) current_->cancel.cancel();
    return claim;
  }
}

Hold Worker::renew(const Claim& claim) {
  try {
    return store_.renew(claim.token, options_.lease);
  } catch (...) {
    log(Level::kError, "cannot renew the claim of a job",
        {{"prompt_id", claim.job.id}, {"error", current_failure().text}});
    return Hold::kKept;
  }
}

std::optional<RunResult> Worker::compute(const Claim& claim, const std::shared_ptr<JobEvents>& events) {
  CancelToken cancel;
  {
    MutexLock lock(mutex_);
    current_->events = events;
    cancel = current_->cancel;
  }
  events->start();
  computer_.begin(claim.job, parsed_or_empty(claim.job.prompt), plans_.take(claim.job), *events, cancel);
  bool ours = true;
  for (;;) {
    // An interrupt whose notice was lost is found here.
    auto result = computer_.wait(std::min<Lease>(options_.lease / 3, 2 * store_.look_again()));
    if (result) return ours ? std::move(result) : std::nullopt;
    const Hold hold = ours ? renew(claim) : Hold::kKept;
    if (hold == Hold::kInterrupt) interrupt(claim.job.id);
    if (hold != Hold::kLost) continue;
    ours = false;
    cancel.cancel();
  }
}

void Worker::attend(const Claim& claim) {
  const Job& job = claim.job;
  // Nothing is interrupted and nobody is told of a running job beyond this call.
  struct Release {
    Worker& worker;
    ~Release() {
      MutexLock lock(worker.mutex_);
      worker.current_.reset();
    }
  } const release{*this};
  log(Level::kInfo, "job started", {{"prompt_id", job.id}, {"attempt", int64_t{job.attempts}}});
  metrics_.observe("easel_job_seconds", seconds_since_ms(job.created_ms), R"(stage="queued")");
  if (options_.tells_ends) send_status(store_, hub_);
  const auto start = std::chrono::steady_clock::now();
  std::shared_ptr<JobEvents> events;
  JobResult end;
  try {
    events = std::make_shared<JobEvents>(job, hub_, delivery_, metrics_);
    const std::optional<RunResult> result = compute(claim, events);
    if (!result) return log(Level::kWarning, "a job was lost to another worker", {{"prompt_id", job.id}});
    bool stopping = false;
    {
      MutexLock lock(mutex_);
      stopping = stopping_ && !current_->by_request;
    }
    if (result->end == RunEnd::kInterrupted && stopping) return give_back(claim);
    end = events->conclude(*result);
  } catch (...) {
    end = {};
    end.state = JobState::kFailed;
    end.failure = current_failure().text;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const bool success = end.state == JobState::kSuccess;
  // A failure is told while the job is still in the queue: a client that finds it neither there nor among the
  // successes takes it for lost. A success is told when the history has it.
  const auto tell_end = [&] {
    if (events && options_.tells_ends) attempt("cannot tell a job's end", job.id, [&] { events->send_end(); });
  };
  if (options_.before_end) attempt("cannot tell what happened in a job", job.id, options_.before_end);
  if (!success) tell_end();
  // Counted first: whoever sees the end finds it in the metrics.
  metrics_.observe("easel_job_seconds", seconds, R"(stage="running")");
  metrics_.count("easel_jobs_total", std::string("state=\"") + job_state_name(end.state) + "\"");
  if (!finish(claim, end)) return;
  {
    MutexLock lock(mutex_);
    current_.reset();
  }
  log(end.state == JobState::kFailed ? Level::kError : Level::kInfo, "job ended",
      {{"prompt_id", job.id},
       {"state", std::string(job_state_name(end.state))},
       {"seconds", seconds},
       {"failure", end.failure}});
  waiters_.notify(job.id);
  if (!options_.tells_ends) return;
  if (success) tell_end();
  delivery_.send(job.id, [&store = store_, &hub = hub_] { send_status(store, hub); });
  if (events) attempt("cannot tell a job's end", job.id, [&] { events->send_idle(); });
}

void Worker::give_back(const Claim& claim) {
  attempt("cannot put a job back into the queue", claim.job.id, [&] {
    if (store_.give_back(claim.token))
      log(Level::kInfo, "job put back for the next start", {{"prompt_id", claim.job.id}});
  });
}

bool Worker::finish(const Claim& claim, const JobResult& result) {
  for (;;) {
    try {
      if (store_.finish(claim.token, result)) return true;
      log(Level::kWarning, "the end of a job comes too late: another worker has it", {{"prompt_id", claim.job.id}});
      return false;
    } catch (...) {
      log(Level::kError, "cannot write a job's end", {{"prompt_id", claim.job.id}, {"error", current_failure().text}});
    }
    if (!wait_a_second()) return false;
  }
}

}  // namespace easel::server
