#include "engine/memory_keeper.h"

#include <string>

#include "base/error.h"
#include "tensor/host_memory.h"

namespace easel::engine {
namespace {

std::string mebibytes(size_t bytes) {
  return std::to_string((bytes >> 20) + (bytes % (1 << 20) != 0 ? 1 : 0)) + " MiB";
}

}  // namespace

size_t MemoryKeeper::beside_models() const {
  const size_t used = pool_stats().live_bytes + claimed_memory();
  return used > kSmallValues ? used - kSmallValues : 0;
}

size_t MemoryKeeper::excess(size_t bytes) const {
  const size_t wanted = PooledMemory::taken() + claimed_memory() + residency_.loaded_bytes() + kProgramMemory + bytes;
  const size_t allowed = residency_.budget() + kSmallValues;
  return wanted > allowed ? wanted - allowed : 0;
}

bool MemoryKeeper::make_room(size_t bytes) {
  if (residency_.budget() == 0) return true;
  if (bytes > residency_.budget()) return false;
  // No more blocks than need be: the next step of a sampler will want those again.
  const auto fits = [&] {
    const size_t over = excess(bytes), kept = pool_stats().cached_bytes;
    if (over > 0) trim_pool(kept > over ? kept - over : 0);
    return over == 0 || excess(bytes) == 0;
  };
  while (!fits() && results_.drop_oldest()) {
  }
  while (!fits() && residency_.evict_oldest()) {
  }
  return fits();
}

void MemoryKeeper::before(size_t bytes) {
  if (make_room(bytes)) return;
  throw beyond_budget("one piece of this node's work", bytes,
                      PooledMemory::taken() + claimed_memory() + residency_.loaded_bytes(), residency_.budget());
}

Error beyond_budget(const std::string& what, size_t bytes, size_t in_use, size_t budget) {
  return Error(Fault::kMemory, what + " takes " + mebibytes(bytes) +
                                   (in_use > 0 ? " besides the " + mebibytes(in_use) + " in use" : "") +
                                   ", more than the memory budget of " + mebibytes(budget))
      .fix("Use a smaller size or batch, or allow more with --memory-budget");
}

}  // namespace easel::engine
