// The processor's memory, and the pool that activations on it come from.
#pragma once

#include "tensor/device_memory.h"

namespace easel {

// Memory of the host for tensors of `device`, kept in a pool of reusable blocks: the processor's own, and that of
// backends which compute on host memory but must not share blocks with it. convert() is theirs to say.
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

 private:
  class Pool;
  Pool* pool_;  // outlives this object: tensors with static lifetime may outlive main
};

PooledMemory& host_memory();

}  // namespace easel
