// A few threads for what must not block the network thread: disk, database, pictures.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "server/http/http.h"

namespace easel::server {

class TaskPool {
 public:
  explicit TaskPool(int threads, size_t max_waiting = 4096);
  ~TaskPool();  // stop()

  // False when too much waits already or the pool has stopped.
  bool post(std::function<void()> task);
  // Finishes what has begun, drops what waits, joins the threads.
  void stop();

  // A handler that runs on the pool. Errors it throws become responses; 503 when the pool is full.
  Router::Handler handler(std::function<void(Request&, const Reply&)> body);
  Router::Handler handler(std::function<Response(Request&)> body);

 private:
  void run();

  const size_t max_waiting_;
  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<std::function<void()>> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace easel::server
