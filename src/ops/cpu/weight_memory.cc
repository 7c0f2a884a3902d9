#include "ops/cpu/weight_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/huge_pages.h"
#include "base/round.h"

namespace easel::ops::cpu {
namespace {

// Blocks are cut from pieces of this size, so that all of them lie in huge pages, whatever their own size.
constexpr size_t kChunk = size_t{32} << 20;

std::atomic<size_t> g_bytes{0};

// Address space in whole huge pages. Pages are there once they are written to.
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

// Its pages go back with it, the address space with the last block of the chunk.
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
  static std::mutex mutex;
  static std::shared_ptr<Chunk> current;
  const size_t bytes = round_up(std::max<size_t>(wanted, 1), kPage);
  std::lock_guard lock(mutex);
  char* data = current ? current->cut(bytes) : nullptr;
  std::shared_ptr<Chunk> chunk = current;
  if (!data) {
    chunk = std::make_shared<Chunk>(std::max(bytes, kChunk));
    data = chunk->cut(bytes);
    // Of a block larger than a chunk nothing is left over.
    if (bytes < kChunk) current = chunk;
  }
  return StorageRef(new WeightBlock(data, bytes, std::move(chunk)));
}

size_t weight_bytes() { return g_bytes; }

}  // namespace easel::ops::cpu
