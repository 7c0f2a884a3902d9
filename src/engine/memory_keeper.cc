#include "engine/memory_keeper.h"

#include <string>

#include "base/error.h"
#include "memory/machine_memory.h"
#include "tensor/host_memory.h"

namespace easel::engine {
namespace {

std::string mebibytes(size_t bytes) {
  return std::to_string((bytes >> 20) + (bytes % (1 << 20) != 0 ? 1 : 0)) + " MiB";
}

}  // namespace

size_t budget_beside(const memory::Residency& residency) {
  static const size_t machines = memory::machine_memory() / 8 * 7;
  return residency.apart() ? machines : residency.budget();
}

size_t MemoryKeeper::models() const { return residency_.apart() ? 0 : residency_.loaded_bytes(); }

size_t MemoryKeeper::beside_models() const {
  const size_t used = pool_stats().live_bytes + claimed_memory();
  return used > kSmallValues ? used - kSmallValues : 0;
}

size_t MemoryKeeper::excess(size_t bytes) const {
  const size_t wanted = PooledMemory::taken() + claimed_memory() + models() + kProgramMemory + bytes;
  const size_t allowed = budget_beside(residency_) + kSmallValues;
  return wanted > allowed ? wanted - allowed : 0;
}

bool MemoryKeeper::make_room(size_t bytes) {
  const size_t budget = budget_beside(residency_);
  if (budget == 0) return true;
  if (bytes > budget) return false;
  // No more blocks than need be: the next step of a sampler will want those again.
  const auto fits = [&] {
    const size_t over = excess(bytes), kept = pool_stats().cached_bytes;
    if (over > 0) trim_pool(kept > over ? kept - over : 0);
    return over == 0 || excess(bytes) == 0;
  };
  while (!fits() && results_.drop_oldest()) {
  }
  while (!residency_.apart() && !fits() && residency_.evict_oldest()) {
  }
  return fits();
}

void MemoryKeeper::before(size_t bytes) {
  if (make_room(bytes)) return;
  throw beyond_budget("one piece of this node's work", bytes, PooledMemory::taken() + claimed_memory() + models(),
                      residency_);
}

Error beyond_budget(const std::string& what, size_t bytes, size_t in_use, const memory::Residency& residency) {
  const std::string own = mebibytes(kProgramMemory - kSmallValues) + " for the program itself";
  return Error(Fault::kMemory, what + " takes " + mebibytes(bytes) + " besides " +
                                   (in_use > 0 ? "the " + mebibytes(in_use) + " in use and " : "") + own +
                                   ", more than the " + (residency.apart() ? "machine's memory" : "memory budget") +
                                   " of " + mebibytes(budget_beside(residency)))
      .fix(residency.apart() ? "Use a smaller size or batch"
                             : "Use a smaller size or batch, or allow more with --memory-budget");
}

}  // namespace easel::engine
