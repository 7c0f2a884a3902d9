// Who is asked before much memory is taken: whoever runs what an unknown workflow asks for keeps it within a budget.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace easel {

// Blocks below this size are taken unasked.
constexpr size_t kGuardedBytes = size_t{1} << 20;

// Thread-compatible: it is asked on the thread of its scope only.
class MemoryGuard {
 public:
  virtual ~MemoryGuard() = default;
  // `bytes` more are about to be taken for tensors, pictures or models. Makes room, or throws Error(kMemory).
  virtual void before(size_t bytes) = 0;
  // Makes as much room as there can be, up to `bytes`. Returns whether they fit.
  virtual bool make_room(size_t bytes) = 0;
  // What is in use now beside models, in bytes.
  virtual size_t beside_models() const = 0;
};

namespace detail {
inline thread_local constinit MemoryGuard* memory_guard = nullptr;
inline std::atomic<size_t> claimed_bytes{0};
}  // namespace detail

// While it lives, the guard is asked for what this thread takes.
class MemoryGuardScope {
 public:
  explicit MemoryGuardScope(MemoryGuard& guard) : before_(std::exchange(detail::memory_guard, &guard)) {}
  ~MemoryGuardScope() { detail::memory_guard = before_; }
  MemoryGuardScope(const MemoryGuardScope&) = delete;
  MemoryGuardScope& operator=(const MemoryGuardScope&) = delete;

 private:
  MemoryGuard* before_;
};

// This thread's guard, or null.
inline MemoryGuard* memory_guard() { return detail::memory_guard; }

// Asks this thread's guard, if there is one. Throws what it throws.
inline void ask_for_memory(size_t bytes) {
  if (bytes >= kGuardedBytes && detail::memory_guard) detail::memory_guard->before(bytes);
}

// Memory that is not a tensor's, a decoded picture's pixels for example: asked for when this is made, and counted as
// long as it lives.
class MemoryClaim {
 public:
  explicit MemoryClaim(size_t bytes) : bytes_(bytes) {
    ask_for_memory(bytes);
    detail::claimed_bytes += bytes_;
  }
  ~MemoryClaim() { detail::claimed_bytes -= bytes_; }
  MemoryClaim(const MemoryClaim&) = delete;
  MemoryClaim& operator=(const MemoryClaim&) = delete;

 private:
  size_t bytes_;
};

// What all claims of the program are for now.
inline size_t claimed_memory() { return detail::claimed_bytes; }

}  // namespace easel
