// Work memory that each thread keeps between calls, and tasks handed out one by one.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/parallel.h"

namespace easel::ops::cpu {

enum class ScratchUse { kSums, kRows, kTables, kBytes, kStaged, kStagedTables, kCount };

// At least `bytes` bytes, 64-byte aligned, of the calling thread; valid until its next request for the
// same use. Grows, never shrinks, so a repeated call allocates nothing.
void* thread_scratch(ScratchUse use, size_t bytes);

template <class T>
T* thread_scratch(ScratchUse use, int64_t count) {
  return static_cast<T*>(thread_scratch(use, static_cast<size_t>(count) * sizeof(T)));
}

// Calls body(task) for each task in [0, count) on all threads. Every thread has a first task of its own, so
// that work memory settles in the first call; then it takes the next one whenever it is done, so that cores of
// unequal speed end together. Results must not depend on who runs what.
template <class Body>
void parallel_tasks(int64_t count, const Body& body) {
  const int64_t threads = count < thread_count() ? count : thread_count();
  std::atomic<int64_t> next{threads};
  parallel_for(threads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) body(i);
    for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) body(i);
  });
}

}  // namespace easel::ops::cpu
