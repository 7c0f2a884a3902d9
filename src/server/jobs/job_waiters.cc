#include "server/jobs/job_waiters.h"

namespace easel::server {

int64_t JobWaiters::add(const std::string& id, std::function<void()> callback) {
  MutexLock lock(mutex_);
  waiting_[next_] = {id, std::move(callback)};
  return next_++;
}

void JobWaiters::remove(int64_t number) {
  MutexLock lock(mutex_);
  waiting_.erase(number);
}

void JobWaiters::notify(const std::string& id) {
  std::vector<std::function<void()>> callbacks;
  {
    MutexLock lock(mutex_);
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
    MutexLock lock(mutex_);
    all.swap(waiting_);
  }
  for (const auto& [number, waiting] : all) waiting.callback();
}

}  // namespace easel::server
