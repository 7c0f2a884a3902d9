#include "ops/cpu/weight_memory.h"

#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <new>
#include <string>

#include "base/error.h"

namespace easel::ops::cpu {
namespace {

constexpr size_t kHugePage = size_t{1} << 21, kPage = 4096;

std::atomic<size_t> g_bytes{0};

class WeightBlock final : public Storage {
 public:
  WeightBlock(void* data, size_t bytes) : Storage(data, bytes) { g_bytes += bytes; }
  void release() noexcept override {
    munmap(data_, bytes_);
    g_bytes -= bytes_;
    delete this;
  }
};

}  // namespace

StorageRef allocate_weights(size_t bytes) {
  bytes = (bytes + kPage - 1) & ~(kPage - 1);
  const size_t slack = bytes >= kHugePage ? kHugePage : 0;
  char* raw = static_cast<char*>(
      mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (raw == MAP_FAILED)
    throw Error(Fault::kMemory, "out of memory: the system refused " + std::to_string(bytes >> 20) + " MiB for weights")
        .fix("Use a smaller model, or --memory-budget");
  if (slack == 0) return StorageRef(new WeightBlock(raw, bytes));
  // Align on a huge page; what was mapped around it goes back.
  char* data = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(raw) + slack - 1) & ~(slack - 1));
  if (data > raw) munmap(raw, static_cast<size_t>(data - raw));
  const size_t tail = static_cast<size_t>(raw + bytes + slack - (data + bytes));
  if (tail > 0) munmap(data + bytes, tail);
  madvise(data, bytes, MADV_HUGEPAGE);
  return StorageRef(new WeightBlock(data, bytes));
}

size_t weight_bytes() { return g_bytes; }

}  // namespace easel::ops::cpu
