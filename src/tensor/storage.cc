#include "tensor/storage.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <string>

#include "base/error.h"

namespace easel {
namespace {

constexpr size_t kHugeThreshold = size_t{1} << 21;  // from here on blocks are mapped, in huge pages

class PoolBlock;

// Blocks of one size class wait in a linked list. Classes are spaced four to an octave, so that a
// block wastes at most a quarter.
class Pool {
 public:
  static Pool& instance() {
    static Pool* pool = new Pool;  // never destroyed: tensors with static lifetime may outlive main
    return *pool;
  }
  PoolBlock* take(size_t bytes);
  void give(PoolBlock* block);
  void trim(size_t keep);

  std::mutex mutex;
  PoolStats stats;
  std::atomic<bool> poison{false};

 private:
  static constexpr size_t kClasses = 4 * 48;
  std::array<PoolBlock*, kClasses> free_{};
};

size_t class_of(size_t bytes) {
  const size_t n = std::max<size_t>(bytes, 256);
  const int octave = std::bit_width(n - 1) - 1;  // n in (2^octave, 2^(octave+1)]
  const size_t quarter = size_t{1} << (octave - 2);
  return static_cast<size_t>(octave) * 4 + (n - (size_t{1} << octave) - 1) / quarter;
}

size_t class_bytes(size_t index) {
  const size_t octave = index / 4, quarter = index % 4 + 1;
  return (size_t{1} << octave) + quarter * (size_t{1} << (octave - 2));
}

void* system_allocate(size_t bytes) {
  if (bytes >= kHugeThreshold) {
    // Over-map to align on a huge page; the trimmed ends cost nothing.
    const size_t span = bytes + kHugeThreshold;
    char* raw = static_cast<char*>(mmap(nullptr, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (raw == MAP_FAILED) return nullptr;
    char* aligned = raw + (kHugeThreshold - reinterpret_cast<uintptr_t>(raw) % kHugeThreshold) % kHugeThreshold;
    if (aligned > raw) munmap(raw, static_cast<size_t>(aligned - raw));
    const size_t tail = static_cast<size_t>(raw + span - (aligned + bytes));
    if (tail > 0) munmap(aligned + bytes, tail);
    madvise(aligned, bytes, MADV_HUGEPAGE);
    return aligned;
  }
  return std::aligned_alloc(64, (bytes + 63) & ~size_t{63});
}

void system_free(void* p, size_t bytes) {
  if (bytes >= kHugeThreshold) munmap(p, bytes);
  else std::free(p);
}

class PoolBlock final : public Storage {
 public:
  PoolBlock(void* data, size_t capacity, size_t size_class) : Storage(data, capacity), index(size_class) {}
  void release() noexcept override { Pool::instance().give(this); }
  void* memory() const { return data_; }
  size_t capacity() const { return bytes_; }

  size_t index;
  PoolBlock* next = nullptr;
};

PoolBlock* Pool::take(size_t bytes) {
  const size_t index = class_of(bytes);
  size_t capacity = class_bytes(index);
  if (capacity >= kHugeThreshold) capacity = (capacity + 4095) & ~size_t{4095};
  PoolBlock* block = nullptr;
  {
    std::lock_guard lock(mutex);
    ++stats.requests;
    if ((block = free_[index])) {
      free_[index] = block->next;
      stats.cached_bytes -= capacity;
    }
    stats.live_bytes += capacity;
    stats.peak_bytes = std::max(stats.peak_bytes, stats.live_bytes);
    if (!block) ++stats.fresh_blocks;
  }
  if (!block) {
    void* p = system_allocate(capacity);
    if (!p) {
      trim(0);
      p = system_allocate(capacity);
    }
    if (!p) {
      std::lock_guard lock(mutex);
      stats.live_bytes -= capacity;
      throw Error(Fault::kMemory, "out of memory: the system refused " + std::to_string(capacity >> 20) + " MiB")
          .fix("Use a smaller size or batch, or --memory-budget");
    }
    block = new PoolBlock(p, capacity, index);
  }
  if (poison.load(std::memory_order_relaxed)) std::memset(block->memory(), 0xff, capacity);
  return block;
}

void Pool::give(PoolBlock* block) {
  std::lock_guard lock(mutex);
  stats.live_bytes -= block->capacity();
  stats.cached_bytes += block->capacity();
  block->next = free_[block->index];
  free_[block->index] = block;
}

void Pool::trim(size_t keep) {
  std::lock_guard lock(mutex);
  for (size_t i = kClasses; i-- > 0 && stats.cached_bytes > keep;) {
    while (free_[i] && stats.cached_bytes > keep) {
      PoolBlock* block = free_[i];
      free_[i] = block->next;
      stats.cached_bytes -= block->capacity();
      system_free(block->memory(), block->capacity());
      delete block;
    }
  }
}

}  // namespace

StorageRef allocate(size_t bytes) {
  if (bytes > (size_t{1} << 46)) throw Error(Fault::kMemory, "a tensor of more than 64 TiB was asked for");
  return StorageRef(Pool::instance().take(bytes));
}

PoolStats pool_stats() {
  std::lock_guard lock(Pool::instance().mutex);
  return Pool::instance().stats;
}

void reset_pool_peak() {
  std::lock_guard lock(Pool::instance().mutex);
  Pool::instance().stats.peak_bytes = Pool::instance().stats.live_bytes;
}

void trim_pool(size_t keep_bytes) { Pool::instance().trim(keep_bytes); }
void set_pool_poison(bool on) { Pool::instance().poison.store(on, std::memory_order_relaxed); }

}  // namespace easel
