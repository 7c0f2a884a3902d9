// Vectors whose memory is asked for and counted as tensors' is.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "tensor/memory_guard.h"

namespace easel {

template <class T>
struct ClaimedAllocator {
  using value_type = T;
  ClaimedAllocator() = default;
  template <class U>
  ClaimedAllocator(const ClaimedAllocator<U>&) {}

  // Throws Error(kMemory) when the thread's guard has no room for so many.
  T* allocate(size_t count) {
    ask_for_memory(count * sizeof(T));
    T* const out = std::allocator<T>().allocate(count);
    detail::claimed_bytes += count * sizeof(T);
    return out;
  }
  void deallocate(T* at, size_t count) {
    std::allocator<T>().deallocate(at, count);
    detail::claimed_bytes -= count * sizeof(T);
  }
  template <class U>
  bool operator==(const ClaimedAllocator<U>&) const {
    return true;
  }
};

// For buffers that grow with a picture.
template <class T>
using ClaimedVector = std::vector<T, ClaimedAllocator<T>>;

}  // namespace easel
