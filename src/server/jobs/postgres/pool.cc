#include "server/jobs/postgres/pool.h"

#include <algorithm>
#include <thread>

#include "base/error.h"
#include "server/jobs/open_job_store.h"

namespace easel::server::postgres {
namespace {

constexpr auto kLongestSleep = std::chrono::milliseconds(500);

}  // namespace

void Pool::Retry::wait(const std::string& why) {
  const auto now = Clock::now();
  if (until == Clock::time_point{}) until = now + pool.patience_;
  if (now >= until)
    throw Error(Fault::kInternal, "the database of the job store cannot be used: " + why)
        .in_file(without_password(pool.url_))
        .fix("See whether it runs and can be reached; what was accepted is safe, and goes on when it is back");
  std::this_thread::sleep_for(std::min<Clock::duration>(next, until - now));
  next = std::min(next * 2, std::chrono::milliseconds(kLongestSleep));
}

void Pool::Lease::take(Retry& retry) {
  {
    MutexLock lock(pool.mutex_);
    if (!pool.freed_.wait_for(lock, pool.patience_,
                              [this]() EASEL_REQUIRES(pool.mutex_) { return pool.used_ < pool.most_; }))
      throw Error(Fault::kInternal, "all connections to the job store are busy").in_file(without_password(pool.url_));
    ++pool.used_;
    placed = true;
    if (!pool.idle_.empty()) {
      connection = std::move(pool.idle_.back());
      pool.idle_.pop_back();
      return;
    }
  }
  auto fresh = std::make_unique<Connection>(pool.url_);
  pool.greet_(*fresh);
  connection = std::move(fresh);
  retry.next = std::chrono::milliseconds(20);
}

void Pool::Lease::drop() {
  connection.reset();
  // A database that has ended took the others with it.
  std::vector<std::unique_ptr<Connection>> gone;
  MutexLock lock(pool.mutex_);
  gone.swap(pool.idle_);
}

Pool::Lease::~Lease() {
  if (!placed) return;
  {
    MutexLock lock(pool.mutex_);
    --pool.used_;
    if (connection && !connection->broken()) pool.idle_.push_back(std::move(connection));
  }
  pool.freed_.notify_one();
}

}  // namespace easel::server::postgres
