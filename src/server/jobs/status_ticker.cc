#include "server/jobs/status_ticker.h"

#include "server/jobs/job_events.h"

namespace easel::server {

void StatusTicker::start() {
  hub_.on_connect([this] {
    { MutexLock lock(mutex_); }  // so that the notice cannot fall between the check and the wait below
    changed_.notify_all();
  });
  thread_ = std::thread([this] { run(); });
}

void StatusTicker::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void StatusTicker::run() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    changed_.wait(lock, [this]() EASEL_REQUIRES(mutex_) { return stopping_ || hub_.clients() > 0; });
    if (changed_.wait_for(lock, std::chrono::duration<double>(seconds_),
                          [this]() EASEL_REQUIRES(mutex_) { return stopping_; }))
      return;
    lock.unlock();
    send_status(store_, hub_);
    lock.lock();
  }
}

}  // namespace easel::server
