// Host memory, and the pool that activations on the host are allocated from.
#pragma once

#include "tensor/device_memory.h"

namespace easel {

// Host memory for the tensors of `device`, kept in a pool of reusable blocks: for the processor, and for backends that
// compute in host memory but must not share blocks with it. Subclasses implement convert().
class PooledMemory : public DeviceMemory {
 public:
  explicit PooledMemory(Device device);
  ~PooledMemory() override;
  StorageRef allocate(size_t bytes) final;
  void upload(const void* from, size_t bytes, const StorageRef& to, size_t offset) final;
  void download(const StorageRef& from, size_t offset, size_t bytes, void* to) final;

  PoolStats stats() const;
  void reset_peak();
  // Gives cached blocks back to the system until at most `keep_bytes` stay cached.
  void trim(size_t keep_bytes);
  // What all pools have taken from the system: blocks handed out and blocks kept for reuse.
  static size_t taken();

 private:
  class Pool;
  Pool* pool_;  // outlives this object: tensors with static lifetime may outlive main
};

PooledMemory& host_memory();

// Whether set_pool_poison() is on, for pools of other devices.
bool pool_poison();

}  // namespace easel
