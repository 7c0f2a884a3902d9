#include "base/parallel.h"

#include <omp.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <utility>

#include "base/cancel.h"
#include "base/mutex.h"

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace easel {
namespace {

// That memory is handed to the threads of a region, and back at its end, which the ThreadSanitizer does not see because
// libgomp is not built with it.
void hand_over([[maybe_unused]] void* region) {
#if defined(__SANITIZE_THREAD__)
  __tsan_release(region);
#endif
}
void take_over([[maybe_unused]] void* region) {
#if defined(__SANITIZE_THREAD__)
  __tsan_acquire(region);
#endif
}

int available_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, omp_get_num_procs());
}

std::atomic<int> g_threads{0};

// A thread's range is cut into so many pieces at most, each of so many grains at least: what a body prepares for each
// range is then small against its work.
constexpr int64_t kPieces = 64, kGrainsOfPiece = 8;

void run_range(int64_t begin, int64_t end, int64_t grain, detail::RangeFn fn, const void* context) {
  const int64_t count = end - begin;
  const int64_t pieces =
      detail::cancel_watch.flag ? std::clamp<int64_t>(count / (kGrainsOfPiece * grain), 1, kPieces) : 1;
  for (int64_t i = 0; i < pieces; ++i) {
    poll_cancelled();
    fn(context, begin + count * i / pieces, begin + count * (i + 1) / pieces);
  }
}

}  // namespace

int thread_count() {
  int n = g_threads.load(std::memory_order_relaxed);
  if (n == 0) {
    n = available_cores();
    g_threads.store(n, std::memory_order_relaxed);
  }
  return n;
}

void set_thread_count(int threads) {
  g_threads.store(threads > 0 ? threads : available_cores(), std::memory_order_relaxed);
  omp_set_num_threads(thread_count());
}

namespace detail {

void parallel_ranges(int64_t count, int64_t grain, RangeFn fn, const void* context) {
  if (count <= 0) return;
  grain = std::max<int64_t>(1, grain);
  const int64_t pieces = std::max<int64_t>(1, count / grain);
  const int threads = static_cast<int>(std::min<int64_t>(pieces, thread_count()));
  if (threads <= 1 || omp_in_parallel()) {
    run_range(0, count, grain, fn, context);
    return;
  }
  Mutex failing;  // guards what follows
  std::exception_ptr failure;
  const std::atomic<bool>* const cancelled = cancel_watch.flag;
  hand_over(&failure);
#pragma omp parallel num_threads(threads)
  {
    take_over(&failure);
    const int64_t id = omp_get_thread_num(), team = omp_get_num_threads();
    const int64_t begin = count * id / team, end = count * (id + 1) / team;
    const std::atomic<bool>* const before = std::exchange(cancel_watch.flag, cancelled);
    try {
      if (begin < end) run_range(begin, end, grain, fn, context);
    } catch (...) {
      const MutexLock lock(failing);
      if (!failure) failure = std::current_exception();
    }
    cancel_watch.flag = before;
    hand_over(&failure);
  }
  take_over(&failure);
  if (failure) std::rethrow_exception(failure);
}

}  // namespace detail
}  // namespace easel
