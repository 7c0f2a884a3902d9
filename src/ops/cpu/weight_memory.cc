#include "ops/cpu/weight_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/huge_pages.h"
#include "base/mutex.h"
#include "base/round.h"

namespace easel::ops::cpu {
namespace {

// Blocks are cut from chunks of this size, so that small blocks lie in huge pages too.
constexpr size_t kChunk = size_t{32} << 20;

std::atomic<size_t> g_bytes{0};

// A range of address space in whole huge pages, which the system fills with memory as it is written to.
class Chunk {
 public:
  explicit Chunk(size_t bytes) : bytes_(round_up(bytes, kHugePage)) {
    data_ = static_cast<char*>(map_at_huge_page(bytes_));
    if (!data_)
      throw Error(Fault::kMemory,
                  "out of memory: the system refused " + std::to_string(bytes >> 20) + " MiB for weights")
          .fix("Use a smaller model, or --memory-budget");
    madvise(data_, bytes_, MADV_HUGEPAGE);
  }
  ~Chunk() { munmap(data_, bytes_); }
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;

  // The next `bytes`, a multiple of kPage, or null.
  char* cut(size_t bytes) {
    if (bytes > bytes_ - used_) return nullptr;
    return data_ + std::exchange(used_, used_ + bytes);
  }

 private:
  char* data_;
  size_t bytes_, used_ = 0;
};

// Gives its pages back when it is released; the address space goes with the last block of the chunk.
class WeightBlock final : public Storage {
 public:
  WeightBlock(void* data, size_t bytes, std::shared_ptr<Chunk> chunk) : Storage(data, bytes), chunk_(std::move(chunk)) {
    g_bytes += bytes;
  }
  void release() noexcept override {
    madvise(data_, bytes_, MADV_DONTNEED);
    g_bytes -= bytes_;
    delete this;
  }

 private:
  std::shared_ptr<Chunk> chunk_;
};

}  // namespace

StorageRef allocate_weights(size_t wanted) {
  static Mutex mutex;
  static std::shared_ptr<Chunk> current EASEL_GUARDED_BY(mutex);
  const size_t bytes = round_up(std::max<size_t>(wanted, 1), kPage);
  const MutexLock lock(mutex);
  char* data = current ? current->cut(bytes) : nullptr;
  std::shared_ptr<Chunk> chunk = current;
  if (!data) {
    chunk = std::make_shared<Chunk>(std::max(bytes, kChunk));
    data = chunk->cut(bytes);
    // A block larger than a chunk leaves nothing to cut further blocks from.
    if (bytes < kChunk) current = chunk;
  }
  return StorageRef(new WeightBlock(data, bytes, std::move(chunk)));
}

size_t weight_bytes() { return g_bytes; }

}  // namespace easel::ops::cpu
