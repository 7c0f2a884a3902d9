// Wake-ups about jobs: that something has changed, never what. Whoever needs to know more asks the store.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "base/mutex.h"

namespace easel::server {

struct Notice {
  enum class What {
    kQueue,  // a job was accepted, moved, cancelled or put back, or the queue is no longer paused; id: of one, or empty
    kEnded,  // a job has ended, or was taken out of the queue
    kInterrupt,  // a job that runs is to be interrupted
    kRunners,    // a runner came, went, or has other models
    kMissed,     // there may have been others: the connection to the store was lost, and is back
  };
  What what = What::kQueue;
  std::string id;  // of the job; empty where there is none
};

// Everybody in this process who wants to hear. Thread-safe. Notices are hints: one may be lost when a process or the
// database ends at the wrong moment, or come twice, so that listeners also look into the store now and then
// (JobStore::look_again(), JobStore::ended_within()).
class JobNotices {
 public:
  using Listener = std::function<void(const Notice&)>;
  // Ends its subscription when it goes; the listener is not running then, and will not be called any more. Must not
  // outlive the store, and must not be destroyed by the listener itself.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(JobNotices& notices, int64_t number) : notices_(&notices), number_(number) {}
    Subscription(Subscription&& other) noexcept : notices_(other.notices_), number_(other.number_) {
      other.notices_ = nullptr;
    }
    Subscription& operator=(Subscription&& other) noexcept;
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;
    ~Subscription() { end(); }
    void end();

   private:
    JobNotices* notices_ = nullptr;
    int64_t number_ = 0;
  };

  // `on_listen` is called after a listener has come, from its thread.
  explicit JobNotices(std::function<void()> on_listen = {}) : on_listen_(std::move(on_listen)) {}
  JobNotices(const JobNotices&) = delete;
  JobNotices& operator=(const JobNotices&) = delete;

  // `listener` is called from any thread, one call at a time, often from within a call of the store: it wakes somebody
  // and returns, and calls neither the store nor this object. What it throws is dropped. `about`: what it hears beside
  // kMissed; everything, when empty. A runner of a fleet leaves out what is of no use to it: each notice wakes
  // everybody who hears it.
  [[nodiscard]] Subscription listen(Listener listener, std::set<Notice::What> about = {});
  // To the listeners of this process.
  void post(const Notice& notice);
  // What anybody wants to hear.
  std::set<Notice::What> wanted() const;

 private:
  struct Listening {
    Listener listener;
    std::set<Notice::What> about;
  };
  const std::function<void()> on_listen_;
  mutable Mutex mutex_;
  std::map<int64_t, Listening> listeners_ EASEL_GUARDED_BY(mutex_);
  int64_t next_ EASEL_GUARDED_BY(mutex_) = 0;
};

}  // namespace easel::server
