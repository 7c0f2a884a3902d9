#include "ops/cpu/scratch.h"

#include <array>

#include "tensor/storage.h"

namespace easel::ops::cpu {

void* thread_scratch(ScratchUse use, size_t bytes) {
  thread_local std::array<StorageRef, static_cast<size_t>(ScratchUse::kCount)> memory;
  StorageRef& m = memory[static_cast<size_t>(use)];
  if (!m || m->bytes() < bytes) m = allocate(bytes);
  return m->data();
}

}  // namespace easel::ops::cpu
