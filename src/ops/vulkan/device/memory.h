// A device's memory: tensors are parts of a few large blocks, because drivers allow only some thousands of allocations
// and make each of them slowly.
#pragma once

#include <functional>
#include <list>
#include <map>

#include "base/mutex.h"
#include "ops/vulkan/device/stream.h"
#include "tensor/device_memory.h"
#include "tensor/tensor.h"

namespace easel::ops::vulkan {

// Thread-safe. Must not be destroyed: tensors with static lifetime may outlive main.
class Memory final : public DeviceMemory {
 public:
  using Convert = std::function<void(const Tensor& from, Tensor& to)>;
  // `how` is what convert() does.
  Memory(const Gpu& gpu, Stream& stream, Device device, Convert how);

  StorageRef allocate(size_t bytes) override;
  void upload(const void* from, size_t bytes, const StorageRef& to, size_t offset) override;
  void download(const StorageRef& from, size_t offset, size_t bytes, void* to) override;
  void convert(const Tensor& from, Tensor& to) override { convert_(from, to); }

  PoolStats stats() const;
  // Gives large blocks back to the driver in which nothing is in use.
  void trim() EASEL_EXCLUDES(mutex_);

  // Where a tensor's first element lies, for copies and for shaders.
  static Place place(const Tensor& t);
  static VkDeviceAddress address(const Tensor& t);

 private:
  struct Large {
    Gpu::Buffer buffer;
    std::map<uint64_t, uint64_t> free;  // offset and size of the parts not in use
  };
  class Part;

  Part* take(uint64_t bytes) EASEL_REQUIRES(mutex_);
  void give(const Part& part) EASEL_EXCLUDES(mutex_);
  void add_large(uint64_t bytes) EASEL_REQUIRES(mutex_);
  void trim_now() EASEL_REQUIRES(mutex_);

  const Gpu& gpu_;
  Stream& stream_;
  const Device device_;
  const Convert convert_;
  mutable Mutex mutex_;
  std::list<Large> large_ EASEL_GUARDED_BY(mutex_);
  PoolStats stats_ EASEL_GUARDED_BY(mutex_);
};

}  // namespace easel::ops::vulkan
