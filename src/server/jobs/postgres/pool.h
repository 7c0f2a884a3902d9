// The connections of one store, and trying again when the database was away.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "server/jobs/postgres/connection.h"

namespace easel::server::postgres {

// Thread-safe.
class Pool {
 public:
  using Clock = std::chrono::steady_clock;
  // `greet` is called with every new connection; a connection for which it throws is not used.
  Pool(std::string url, std::chrono::milliseconds patience, int most, std::function<void(Connection&)> greet)
      : url_(std::move(url)), patience_(patience), most_(most), greet_(std::move(greet)) {}

  // Calls work(connection, again) and gives what that returns. When the connection breaks, or the database asks for it,
  // the work is done again from its beginning, on another connection if need be; `again` says that a time before may
  // have gone through, without anybody knowing. Throws Error(kInternal) when the database has been away for as long as
  // the patience lasts.
  template <class Work>
  auto run(Work work) {
    Retry retry(*this);
    for (;;) {
      std::string why;
      {
        Lease lease(*this);
        try {
          lease.take(retry);
          return work(*lease.connection, retry.again);
        } catch (const Lost& lost) {
          if (lease.connection) retry.again = true;
          lease.drop();
          why = lost.why;
        } catch (const Undone& undone) {
          why = undone.why;
        }
      }
      retry.wait(why);
    }
  }

 private:
  struct Retry {
    explicit Retry(const Pool& owner) : pool(owner) {}
    // Sleeps a little longer each time. Throws when there is no time left.
    void wait(const std::string& why);
    const Pool& pool;
    bool again = false;
    Clock::time_point until{};  // set by the first failure
    std::chrono::milliseconds next{20};
  };
  // A place among the connections, and the connection in it once there is one.
  struct Lease {
    explicit Lease(Pool& owner) : pool(owner) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease();
    // One that is there, or a new one. Throws as Connection() and `greet`.
    void take(Retry& retry);
    void drop();
    Pool& pool;
    std::unique_ptr<Connection> connection;
    bool placed = false;
  };

  const std::string url_;
  const std::chrono::milliseconds patience_;
  const int most_;
  const std::function<void(Connection&)> greet_;
  Mutex mutex_;
  Condition freed_;
  int used_ EASEL_GUARDED_BY(mutex_) = 0;
  std::vector<std::unique_ptr<Connection>> idle_ EASEL_GUARDED_BY(mutex_);
};

}  // namespace easel::server::postgres
