#include "tensor/host_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "base/error.h"
#include "base/huge_pages.h"
#include "base/mutex.h"
#include "base/round.h"
#include "tensor/memory_guard.h"

namespace easel {
namespace {

constexpr size_t kHugeThreshold = kHugePage;  // blocks of this size or more are mapped in huge pages

std::atomic<bool> g_poison{false};
std::atomic<size_t> g_pooled{0};  // bytes of all blocks of all pools

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
    void* const aligned = map_at_huge_page(bytes);
    if (!aligned) return nullptr;
    madvise(aligned, bytes, MADV_HUGEPAGE);
    return aligned;
  }
  return std::aligned_alloc(64, (bytes + 63) & ~size_t{63});
}

void system_free(void* p, size_t bytes) {
  if (bytes >= kHugeThreshold) munmap(p, bytes);
  else std::free(p);
}

}  // namespace

// The free blocks of a size class form a linked list. There are four classes to an octave, so that a block wastes at
// most a quarter of its size.
class PooledMemory::Pool {
 public:
  class Block final : public Storage {
   public:
    Block(void* data, size_t capacity, Pool& pool, size_t size_class)
        : Storage(data, capacity, pool.device), index(size_class), pool_(pool) {}
    void release() noexcept override { pool_.give(this); }
    void* memory() const { return data_; }
    size_t capacity() const { return bytes_; }

    size_t index;
    Block* next = nullptr;

   private:
    Pool& pool_;
  };

  explicit Pool(Device of) : device(of) {}
  Block* take(size_t bytes) EASEL_EXCLUDES(mutex);
  Block* take_kept(size_t index, size_t capacity) EASEL_EXCLUDES(mutex);
  void give(Block* block) EASEL_EXCLUDES(mutex);
  void trim(size_t keep) EASEL_EXCLUDES(mutex);

  const Device device;
  Mutex mutex;
  PoolStats stats EASEL_GUARDED_BY(mutex);

 private:
  static constexpr size_t kClasses = 4 * 48;
  std::array<Block*, kClasses> free_ EASEL_GUARDED_BY(mutex){};
};

// A block of that class that is kept for reuse, or null.
PooledMemory::Pool::Block* PooledMemory::Pool::take_kept(size_t index, size_t capacity) {
  MutexLock lock(mutex);
  ++stats.requests;
  Block* const block = free_[index];
  if (!block) return nullptr;
  free_[index] = block->next;
  stats.cached_bytes -= capacity;
  stats.live_bytes += capacity;
  stats.peak_bytes = std::max(stats.peak_bytes, stats.live_bytes);
  return block;
}

PooledMemory::Pool::Block* PooledMemory::Pool::take(size_t bytes) {
  const size_t index = class_of(bytes);
  size_t capacity = class_bytes(index);
  if (capacity >= kHugeThreshold) capacity = round_up(capacity, kPage);
  Block* block = take_kept(index, capacity);
  if (!block) {
    // Without the lock: the guard may let go of tensors.
    ask_for_memory(capacity);
    {
      MutexLock lock(mutex);
      ++stats.fresh_blocks;
      stats.live_bytes += capacity;
      stats.peak_bytes = std::max(stats.peak_bytes, stats.live_bytes);
    }
    void* p = system_allocate(capacity);
    if (!p) {
      trim(0);
      p = system_allocate(capacity);
    }
    if (!p) {
      MutexLock lock(mutex);
      stats.live_bytes -= capacity;
      throw Error(Fault::kMemory, "out of memory: the system refused " + std::to_string(capacity >> 20) + " MiB")
          .fix("Use a smaller size or batch, or --memory-budget");
    }
    block = new Block(p, capacity, *this, index);
    g_pooled += capacity;
  }
  if (g_poison.load(std::memory_order_relaxed)) std::memset(block->memory(), 0xff, capacity);
  return block;
}

void PooledMemory::Pool::give(Block* block) {
  MutexLock lock(mutex);
  stats.live_bytes -= block->capacity();
  stats.cached_bytes += block->capacity();
  block->next = free_[block->index];
  free_[block->index] = block;
}

void PooledMemory::Pool::trim(size_t keep) {
  MutexLock lock(mutex);
  for (size_t i = kClasses; i-- > 0 && stats.cached_bytes > keep;) {
    while (free_[i] && stats.cached_bytes > keep) {
      Block* block = free_[i];
      free_[i] = block->next;
      stats.cached_bytes -= block->capacity();
      g_pooled -= block->capacity();
      system_free(block->memory(), block->capacity());
      delete block;
    }
  }
}

PooledMemory::PooledMemory(Device device) : pool_(new Pool(device)) {}
PooledMemory::~PooledMemory() = default;

StorageRef PooledMemory::allocate(size_t bytes) {
  if (bytes > (size_t{1} << 46)) throw Error(Fault::kMemory, "a tensor of more than 64 TiB was asked for");
  return StorageRef(pool_->take(bytes));
}

void PooledMemory::upload(const void* from, size_t bytes, const StorageRef& to, size_t offset) {
  std::memcpy(static_cast<char*>(to->data()) + offset, from, bytes);
}

void PooledMemory::download(const StorageRef& from, size_t offset, size_t bytes, void* to) {
  std::memcpy(to, static_cast<const char*>(from->data()) + offset, bytes);
}

PoolStats PooledMemory::stats() const {
  MutexLock lock(pool_->mutex);
  return pool_->stats;
}

void PooledMemory::reset_peak() {
  MutexLock lock(pool_->mutex);
  pool_->stats.peak_bytes = pool_->stats.live_bytes;
}

void PooledMemory::trim(size_t keep_bytes) { pool_->trim(keep_bytes); }

size_t PooledMemory::taken() { return g_pooled; }

StorageRef allocate(size_t bytes) { return host_memory().allocate(bytes); }
PoolStats pool_stats() { return host_memory().stats(); }
void reset_pool_peak() { host_memory().reset_peak(); }
void trim_pool(size_t keep_bytes) { host_memory().trim(keep_bytes); }
bool pool_poison() { return g_poison.load(std::memory_order_relaxed); }
void set_pool_poison(bool on) { g_poison.store(on, std::memory_order_relaxed); }

}  // namespace easel
