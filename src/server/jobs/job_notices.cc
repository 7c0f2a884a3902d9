#include "server/jobs/job_notices.h"

#include <utility>

namespace easel::server {

JobNotices::Subscription& JobNotices::Subscription::operator=(Subscription&& other) noexcept {
  if (this == &other) return *this;
  end();
  notices_ = std::exchange(other.notices_, nullptr);
  number_ = other.number_;
  return *this;
}

void JobNotices::Subscription::end() {
  JobNotices* notices = std::exchange(notices_, nullptr);
  if (!notices) return;
  MutexLock lock(notices->mutex_);
  notices->listeners_.erase(number_);
}

JobNotices::Subscription JobNotices::listen(Listener listener) {
  MutexLock lock(mutex_);
  listeners_[next_] = std::move(listener);
  return {*this, next_++};
}

void JobNotices::post(const Notice& notice) {
  MutexLock lock(mutex_);
  for (const auto& [number, listener] : listeners_) try {
      listener(notice);
    } catch (...) {
      // A notice is a hint, and the job that it is about must not suffer.
    }
}

}  // namespace easel::server
