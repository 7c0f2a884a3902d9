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

namespace easel::ops::cpu {
namespace {

constexpr size_t kHugePage = size_t{1} << 21, kPage = 4096;
// Blocks are cut from pieces of this size, so that all of them lie in huge pages, whatever their own size.
constexpr size_t kChunk = size_t{32} << 20;

std::atomic<size_t> g_bytes{0};

size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

// Address space in whole huge pages. Pages are there once they are written to.
class Chunk {
 public:
  explicit Chunk(size_t bytes) : bytes_(round_up(bytes, kHugePage)) {
    const size_t span = bytes_ + kHugePage;
    char* raw = static_cast<char*>(
        mmap(nullptr, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (raw == MAP_FAILED)
      throw Error(Fault::kMemory,
                  "out of memory: the system refused " + std::to_string(bytes >> 20) + " MiB for weights")
          .fix("Use a smaller model, or --memory-budget");
    // What was mapped around the aligned part goes back.
    data_ = reinterpret_cast<char*>(round_up(reinterpret_cast<uintptr_t>(raw), kHugePage));
    if (data_ > raw) munmap(raw, static_cast<size_t>(data_ - raw));
    if (raw + span > data_ + bytes_) munmap(data_ + bytes_, static_cast<size_t>(raw + span - (data_ + bytes_)));
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
