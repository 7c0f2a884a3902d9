// Cooperative cancellation: long work polls a token between pieces.
#pragma once

#include <atomic>
#include <memory>

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
  std::shared_ptr<std::atomic<bool>> flag_;
};

}  // namespace easel
