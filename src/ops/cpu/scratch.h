// Work memory that each thread keeps between calls, and dynamic scheduling of tasks.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/cancel.h"
#include "base/parallel.h"

namespace easel::ops::cpu {

enum class ScratchUse { kSums, kRows, kTables, kBytes, kStaged, kStagedTables, kCount };

// At least `bytes` bytes of memory that belongs to the calling thread, 64-byte aligned, valid until its next request
// for the same use. Grows and never shrinks, so that repeated calls allocate nothing.
void* thread_scratch(ScratchUse use, size_t bytes);

template <class T>
T* thread_scratch(ScratchUse use, int64_t count) {
  return static_cast<T*>(thread_scratch(use, static_cast<size_t>(count) * sizeof(T)));
}

// Calls body(task) for each task in [0, count) on all threads. Every thread starts with a task of its own, so that all
// of them have allocated their work memory after the first call; then it takes the next task whenever it is done, so
// that cores of unequal speed finish together. Results must not depend on which thread runs a task.
template <class Body>
void parallel_tasks(int64_t count, const Body& body) {
  const int64_t threads = count < thread_count() ? count : thread_count();
  std::atomic<int64_t> next{threads};
  parallel_for(threads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) body(i);
    for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) {
      poll_cancelled();
      body(i);
    }
  });
}

}  // namespace easel::ops::cpu
