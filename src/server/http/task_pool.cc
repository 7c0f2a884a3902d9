#include "server/http/task_pool.h"

#include <memory>

namespace easel::server {

TaskPool::TaskPool(int threads, size_t max_waiting) : max_waiting_(max_waiting) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

TaskPool::~TaskPool() { stop(); }

bool TaskPool::post(std::function<void()> task) {
  {
    MutexLock lock(mutex_);
    if (stopping_ || waiting_.size() >= max_waiting_) return false;
    waiting_.push_back(std::move(task));
  }
  more_.notify_one();
  return true;
}

void TaskPool::stop() {
  std::deque<std::function<void()>> dropped;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    dropped.swap(waiting_);
  }
  more_.notify_all();
  for (auto& thread : threads_)
    if (thread.joinable()) thread.join();
}

void TaskPool::run() {
  MutexLock lock(mutex_);
  for (;;) {
    more_.wait(lock, [this]() EASEL_REQUIRES(mutex_) { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    auto task = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    try {
      task();
    } catch (...) {
      // A task answers for its own failures; nothing is left to tell here.
    }
    task = nullptr;
    lock.lock();
  }
}

Router::Handler TaskPool::handler(std::function<void(Request&, const Reply&)> body) {
  return [this, body = std::move(body)](Request request, const Reply& reply) {
    auto shared = std::make_shared<Request>(std::move(request));
    const bool taken = post([body, shared, reply] {
      try {
        body(*shared, reply);
      } catch (...) {
        reply(error_response(std::current_exception()));
      }
    });
    if (!taken) reply(Response::error(503, "busy", "the server has more requests than it can work on; try again"));
  };
}

Router::Handler TaskPool::handler(std::function<Response(Request&)> body) {
  return handler([body = std::move(body)](Request& request, const Reply& reply) { reply(body(request)); });
}

}  // namespace easel::server
