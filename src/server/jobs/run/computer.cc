#include "server/jobs/run/computer.h"

#include <memory>
#include <utility>

#include "base/error.h"
#include "server/jobs/failure.h"
#include "server/log.h"

namespace easel::server {
namespace {

RunResult run_job(JobRunner& runner, const Job& job, RunRequest request, engine::EventSink& events,
                  const CancelToken& cancel) {
  try {
    request.id = job.id;
    request.extra_data = workflow::parse_json(job.extra_data);
    for (const workflow::Json& id : workflow::parse_json(job.targets)) request.outputs.push_back(id.get<std::string>());
    return runner.run(std::move(request), events, cancel);
  } catch (...) {
    const Failure failure = current_failure();
    RunResult out;
    out.end = failure.fault == Fault::kCancelled ? RunEnd::kInterrupted : RunEnd::kFailed;
    out.error = failure.text;
    out.error_type = fault_name(failure.fault);
    return out;
  }
}

}  // namespace

Computer::Computer(JobRunner& runner) : runner_(runner), thread_([this] { run(); }) {}

Computer::~Computer() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Computer::begin(std::function<void()> task) {
  {
    MutexLock lock(mutex_);
    task_ = std::move(task);
    result_.reset();
  }
  changed_.notify_all();
}

void Computer::begin(const Job& job, workflow::Json prompt, std::optional<engine::Plan> plan, engine::EventSink& events,
                     const CancelToken& cancel) {
  // Tasks are copied; of the plan there is one, so that nothing else holds what it has let go of.
  auto request = std::make_shared<RunRequest>();
  request->prompt = std::move(prompt);
  request->plan = std::move(plan);
  begin([this, job, request, &events, cancel] {
    RunResult result = run_job(runner_, job, std::move(*request), events, cancel);
    MutexLock lock(mutex_);
    result_ = std::move(result);
  });
}

std::optional<RunResult> Computer::wait(std::chrono::milliseconds longest) {
  MutexLock lock(mutex_);
  if (!changed_.wait_for(lock, longest, [this]() EASEL_REQUIRES(mutex_) { return !task_; })) return std::nullopt;
  return std::exchange(result_, std::nullopt);
}

void Computer::free_memory(bool models, bool results) {
  begin([this, models, results] {
    try {
      runner_.free_memory(models, results);
    } catch (...) {
      log(Level::kError, "memory cannot be freed", {{"error", current_failure().text}});
    }
  });
  MutexLock lock(mutex_);
  changed_.wait(lock, [this]() EASEL_REQUIRES(mutex_) { return !task_; });
}

void Computer::run() {
  MutexLock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this]() EASEL_REQUIRES(mutex_) { return stopping_ || task_; });
    if (!task_) return;
    const std::function<void()> task = task_;
    lock.unlock();
    task();
    lock.lock();
    task_ = nullptr;
    changed_.notify_all();
  }
}

}  // namespace easel::server
