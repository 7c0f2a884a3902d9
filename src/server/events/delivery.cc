#include "server/events/delivery.h"

#include <algorithm>

#include "server/log.h"

namespace easel::server {

Delivery::Delivery(std::chrono::milliseconds patience) : patience_(patience), thread_([this] { run(); }) {}

Delivery::~Delivery() { stop(); }

Delivery::Hold Delivery::hold(const std::string& job) {
  {
    MutexLock lock(mutex_);
    if (stopping_) return nullptr;
    held_[job];
  }
  // Only the destruction of its last copy matters, not the object it points to.
  return {this, [this, job](const void*) { let_go(job); }};
}

void Delivery::let_go(const std::string& job) {
  {
    MutexLock lock(mutex_);
    const auto it = held_.find(job);
    if (it == held_.end()) return;
    it->second.opens = std::min(it->second.opens, Clock::now() + kHeadStart);
  }
  changed_.notify_all();
}

bool Delivery::holds(const std::string& job) const {
  MutexLock lock(mutex_);
  return held_.contains(job);
}

void Delivery::send(const std::string& job, std::function<void()> deliver) {
  {
    MutexLock lock(mutex_);
    if (const auto it = held_.find(job); it != held_.end()) {
      Held& held = it->second;
      held.waiting.push_back(std::move(deliver));
      if (held.waiting.size() > 1) return;
      held.opens = std::min(held.opens, Clock::now() + patience_);
      deliver = nullptr;
    }
  }
  if (deliver) deliver();
  else changed_.notify_all();
}

void Delivery::flush(const std::string& job) {
  MutexLock lock(mutex_);
  if (const auto it = held_.find(job); it != held_.end())
    it->second.opens = std::min(it->second.opens, Clock::now() + patience_);
  changed_.notify_all();
  opened_.wait(lock, [&]() EASEL_REQUIRES(mutex_) { return !held_.contains(job); });
}

void Delivery::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Delivery::run() {
  MutexLock lock(mutex_);
  while (!stopping_ || !held_.empty()) {
    const auto first = std::min_element(held_.begin(), held_.end(),
                                        [](const auto& a, const auto& b) { return a.second.opens < b.second.opens; });
    const Clock::time_point now = Clock::now(), opens = first == held_.end() ? kNever : first->second.opens;
    if (!stopping_ && opens > now) {
      const auto earlier = [&]() EASEL_REQUIRES(mutex_) {
        return stopping_ ||
               std::any_of(held_.begin(), held_.end(), [&](const auto& job) { return job.second.opens < opens; });
      };
      if (opens == kNever) changed_.wait(lock, earlier);
      else changed_.wait_for(lock, opens - now, earlier);
      continue;
    }
    auto& waiting = first->second.waiting;
    if (waiting.empty()) {
      held_.erase(first);
      opened_.notify_all();
      continue;
    }
    const auto deliver = std::move(waiting.front());
    waiting.pop_front();
    lock.unlock();
    try {
      deliver();
    } catch (const std::exception& e) {
      log(Level::kError, "an event is lost", {{"error", std::string(e.what())}});
    }
    lock.lock();
  }
}

}  // namespace easel::server
