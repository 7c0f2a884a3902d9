// Cooperative cancellation: long work polls a token between pieces.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/error.h"

namespace easel {

// Cheap to copy; all copies share one flag. Safe to set from a signal handler or another thread.
class CancelToken {
 public:
  CancelToken() : flag_(std::make_shared<std::atomic<bool>>(false)) {}
  void cancel() const noexcept { flag_->store(true, std::memory_order_relaxed); }
  void reset() const noexcept { flag_->store(false, std::memory_order_relaxed); }
  bool cancelled() const noexcept { return flag_->load(std::memory_order_relaxed); }
  // Throws Error(kCancelled) once cancel() was called.
  void check() const {
    if (cancelled()) throw Error(Fault::kCancelled, "stopped on request");
  }

 private:
  friend class CancelScope;
  std::shared_ptr<std::atomic<bool>> flag_;
};

namespace detail {

// The flag that work on this thread polls; null: nothing stops it.
struct CancelWatch {
  const std::atomic<bool>* flag = nullptr;
  uint64_t polls = 0;
};
inline thread_local constinit CancelWatch cancel_watch;

}  // namespace detail

// While it lives, poll_cancelled() on this thread looks at a token: whoever runs long work says once what stops it, and
// the loops below need not be handed the token. parallel_for() takes it along to its threads.
class CancelScope {
 public:
  explicit CancelScope(CancelToken token)
      : token_(std::move(token)), before_(std::exchange(detail::cancel_watch.flag, token_.flag_.get())) {}
  ~CancelScope() { detail::cancel_watch.flag = before_; }
  CancelScope(const CancelScope&) = delete;
  CancelScope& operator=(const CancelScope&) = delete;

 private:
  CancelToken token_;
  const std::atomic<bool>* before_;
};

// To be called by long loops every few milliseconds of work or less; costs no more than a few instructions. Throws
// Error(kCancelled) once the token of the thread's CancelScope was cancelled; without a scope it does nothing.
inline void poll_cancelled() {
  detail::CancelWatch& watch = detail::cancel_watch;
  if (!watch.flag) return;
  ++watch.polls;
  if (watch.flag->load(std::memory_order_relaxed)) throw Error(Fault::kCancelled, "stopped on request");
}

// How often poll_cancelled() has looked at a token on this thread, for tests.
inline uint64_t cancel_polls() { return detail::cancel_watch.polls; }

}  // namespace easel
