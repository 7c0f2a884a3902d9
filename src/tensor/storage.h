// Reference-counted memory behind tensors: pooled blocks for activations, mapped files for weights.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "tensor/device.h"

namespace easel {

// A block of memory that lives as long as something refers to it. The count is thread-safe.
class Storage {
 public:
  // An address if device() is kHost, else a handle whose meaning only the device's backend knows.
  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  Device device() const { return device_; }

 protected:
  Storage(void* data, size_t bytes, Device device = kHost) : data_(data), bytes_(bytes), device_(device) {}
  virtual ~Storage() = default;
  virtual void release() noexcept = 0;  // called when the last reference is gone

  void* data_;
  size_t bytes_;

 private:
  friend class StorageRef;
  Device device_;
  std::atomic<int64_t> refs_{0};
};

// Owning handle to a Storage.
class StorageRef {
 public:
  StorageRef() = default;
  explicit StorageRef(Storage* s) : s_(s) {
    if (s_) s_->refs_.fetch_add(1, std::memory_order_relaxed);
  }
  StorageRef(const StorageRef& o) : StorageRef(o.s_) {}
  StorageRef(StorageRef&& o) noexcept : s_(std::exchange(o.s_, nullptr)) {}
  StorageRef& operator=(StorageRef o) noexcept {
    std::swap(s_, o.s_);
    return *this;
  }
  ~StorageRef() {
    if (s_ && s_->refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) s_->release();
  }

  Storage* get() const { return s_; }
  Storage* operator->() const { return s_; }
  explicit operator bool() const { return s_ != nullptr; }

 private:
  Storage* s_ = nullptr;
};

// Counters of the pool, for `easel bench` and the tests that guard against allocations inside a step.
struct PoolStats {
  size_t live_bytes = 0;      // handed out now
  size_t cached_bytes = 0;    // kept for reuse
  size_t peak_bytes = 0;      // highest live_bytes since reset_pool_peak()
  uint64_t fresh_blocks = 0;  // blocks requested from the system since the program started
  uint64_t requests = 0;      // allocations since the program started
};

// Uninitialised host memory, 64-byte aligned, from a process-wide pool of reusable blocks: a step that repeats the
// shapes of the previous one needs no fresh pages. Thread-safe. Throws Error(kMemory) if the system refuses.
StorageRef allocate(size_t bytes);

PoolStats pool_stats();
void reset_pool_peak();
// Gives cached blocks back to the system until at most `keep_bytes` stay cached.
void trim_pool(size_t keep_bytes = 0);

// With poisoning on, the blocks of all pools are filled with NaN patterns before they are handed out, so that tests
// find outputs that were not fully written.
void set_pool_poison(bool on);

}  // namespace easel
