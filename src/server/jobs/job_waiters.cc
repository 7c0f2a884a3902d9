#include "server/jobs/job_waiters.h"

#include <thread>

namespace easel::server {

int64_t JobWaiters::add(const std::string& id, std::function<void()> callback) {
  std::lock_guard lock(mutex_);
  waiting_[next_] = {id, std::move(callback)};
  return next_++;
}

void JobWaiters::remove(int64_t number) {
  std::lock_guard lock(mutex_);
  waiting_.erase(number);
}

void JobWaiters::notify(const std::string& id) {
  std::vector<std::function<void()>> callbacks;
  {
    std::lock_guard lock(mutex_);
    std::erase_if(waiting_, [&](auto& item) {
      if (item.second.id != id) return false;
      callbacks.push_back(std::move(item.second.callback));
      return true;
    });
  }
  for (const auto& callback : callbacks) callback();
}

void JobWaiters::notify_all() {
  std::map<int64_t, Waiting> all;
  {
    std::lock_guard lock(mutex_);
    all.swap(waiting_);
  }
  for (const auto& [number, waiting] : all) waiting.callback();
}

void AnswerGate::expect(const std::string& id) {
  std::lock_guard lock(mutex_);
  // Jobs that run much later, or never, need no gate.
  if (answers_.size() >= 64)
    std::erase_if(answers_, [now = Clock::now()](const auto& item) {
      return item.second != Clock::time_point{} && now - item.second > kPatience;
    });
  answers_[id] = {};
}

void AnswerGate::answered(const std::string& id) {
  {
    std::lock_guard lock(mutex_);
    const auto it = answers_.find(id);
    if (it == answers_.end()) return;
    it->second = Clock::now();
  }
  changed_.notify_all();
}

void AnswerGate::wait(const std::string& id) {
  Clock::time_point open;
  {
    std::unique_lock lock(mutex_);
    if (!answers_.contains(id)) return;
    changed_.wait_for(lock, kPatience, [&] { return answers_[id] != Clock::time_point{}; });
    open = answers_[id] + kHeadStart;
    answers_.erase(id);
  }
  std::this_thread::sleep_until(open);
}

}  // namespace easel::server
