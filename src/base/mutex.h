// Locks that Clang's thread-safety analysis understands: what a mutex guards is declared with EASEL_GUARDED_BY, and
// `./dev lint` fails where it is touched without the lock. For other compilers the attributes are nothing.
// https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
#pragma once

#include <condition_variable>
#include <mutex>

#ifdef __clang__
#define EASEL_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define EASEL_THREAD_ATTRIBUTE(x)
#endif

// A member that may be read and written only while `mutex` is held.
#define EASEL_GUARDED_BY(mutex) EASEL_THREAD_ATTRIBUTE(guarded_by(mutex))
// A function, or a lambda, that is called only while `mutex` is held.
#define EASEL_REQUIRES(mutex) EASEL_THREAD_ATTRIBUTE(requires_capability(mutex))
// A function that takes `mutex` by itself, so that it must not be held by the caller.
#define EASEL_EXCLUDES(mutex) EASEL_THREAD_ATTRIBUTE(locks_excluded(mutex))
// A function whose locking the analysis cannot follow; the comment beside it says why it is right.
#define EASEL_UNCHECKED_LOCKING EASEL_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace easel {

class EASEL_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void lock() EASEL_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() EASEL_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  bool try_lock() EASEL_THREAD_ATTRIBUTE(try_acquire_capability(true)) { return mutex_.try_lock(); }

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

// Holds a mutex until its own end; may let it go in between.
class EASEL_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) EASEL_THREAD_ATTRIBUTE(acquire_capability(mutex)) : lock_(mutex.mutex_) {}
  ~MutexLock() EASEL_THREAD_ATTRIBUTE(release_capability()) {}
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void lock() EASEL_THREAD_ATTRIBUTE(acquire_capability()) { lock_.lock(); }
  void unlock() EASEL_THREAD_ATTRIBUTE(release_capability()) { lock_.unlock(); }

 private:
  friend class Condition;
  std::unique_lock<std::mutex> lock_;
};

// What threads wait for under a mutex. The predicates of wait() are called while it is held and say so:
//   changed_.wait(lock, [this]() EASEL_REQUIRES(mutex_) { return stopping_; });
class Condition {
 public:
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }
  template <class Predicate>
  void wait(MutexLock& lock, Predicate until) EASEL_UNCHECKED_LOCKING {
    condition_.wait(lock.lock_, until);
  }
  // Whether the predicate held before the time was over.
  template <class Duration, class Predicate>
  bool wait_for(MutexLock& lock, const Duration& time, Predicate until) EASEL_UNCHECKED_LOCKING {
    return condition_.wait_for(lock.lock_, time, until);
  }

 private:
  std::condition_variable condition_;
};

}  // namespace easel
