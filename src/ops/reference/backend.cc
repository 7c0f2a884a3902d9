#include "ops/reference/backend.h"

#include "ops/backends.h"
#include "ops/reference/memory.h"

namespace easel::ops::reference {

ReferenceBackend::ReferenceBackend() { add_device_memory(kDevice, reference::memory()); }

DeviceMemory& ReferenceBackend::memory() const { return reference::memory(); }

const Backend& backend() {
  static const ReferenceBackend backend;
  return backend;
}

}  // namespace easel::ops::reference
