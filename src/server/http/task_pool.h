// A few threads for work that must not block the network thread: disk, database, pictures.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "server/http/http.h"

namespace easel::server {

class TaskPool {
 public:
  explicit TaskPool(int threads, size_t max_waiting = 4096);
  ~TaskPool();  // stop()

  // Returns false if too many tasks wait already or the pool has stopped.
  bool post(std::function<void()> task);
  // Finishes what has begun, drops what waits, joins the threads.
  void stop();

  // A handler that runs on the pool. Errors it throws become responses; 503 when the pool is full.
  Router::Handler handler(std::function<void(Request&, const Reply&)> body);
  Router::Handler handler(std::function<Response(Request&)> body);

 private:
  void run();

  const size_t max_waiting_;
  Mutex mutex_;
  Condition more_;
  std::deque<std::function<void()>> waiting_ EASEL_GUARDED_BY(mutex_);
  bool stopping_ EASEL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace easel::server
