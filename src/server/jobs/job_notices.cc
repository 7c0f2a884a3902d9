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

JobNotices::Subscription JobNotices::listen(Listener listener, std::set<Notice::What> about) {
  using What = Notice::What;
  if (about.empty()) about = {What::kQueue, What::kEnded, What::kInterrupt, What::kRunners};
  about.insert(What::kMissed);
  int64_t number = 0;
  {
    MutexLock lock(mutex_);
    number = next_++;
    listeners_[number] = {std::move(listener), std::move(about)};
  }
  if (on_listen_) on_listen_();
  return {*this, number};
}

void JobNotices::post(const Notice& notice) {
  MutexLock lock(mutex_);
  for (const auto& [number, listening] : listeners_) {
    if (!listening.about.contains(notice.what)) continue;
    try {
      listening.listener(notice);
    } catch (...) {
      // A notice is a hint, and the job that it is about must not suffer.
    }
  }
}

std::set<Notice::What> JobNotices::wanted() const {
  MutexLock lock(mutex_);
  std::set<Notice::What> out;
  for (const auto& [number, listening] : listeners_) out.insert(listening.about.begin(), listening.about.end());
  return out;
}

}  // namespace easel::server
