// One thread pool for the whole process: OpenMP's.
#pragma once

#include <cstdint>

namespace easel {

// Number of threads that compute runs on (>= 1).
int thread_count();

// Sets it. 0 means all cores this process may use. Call before the first computation.
void set_thread_count(int threads);

namespace detail {
using RangeFn = void (*)(const void* context, int64_t begin, int64_t end);
void parallel_ranges(int64_t count, int64_t grain, RangeFn fn, const void* context);
}  // namespace detail

// Calls body(begin, end) on disjoint ranges that cover [0, count), each of at least `grain` items. Nested calls run
// inline. Where a range begins depends on the threads and, because the token is polled between ranges, on whether there
// is a CancelScope: results must not. The first exception thrown by a body is rethrown after all ranges have ended.
template <class Body>
void parallel_for(int64_t count, int64_t grain, const Body& body) {
  detail::parallel_ranges(
      count, grain,
      [](const void* context, int64_t begin, int64_t end) { (*static_cast<const Body*>(context))(begin, end); }, &body);
}

}  // namespace easel
