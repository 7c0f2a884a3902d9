// What a device does with memory: the interface behind the constructor of Tensor, Tensor::to() and convert().
#pragma once

#include <cstddef>

#include "tensor/device.h"
#include "tensor/storage.h"

namespace easel {

class Tensor;

// Thread-safe.
class DeviceMemory {
 public:
  virtual ~DeviceMemory() = default;
  // Uninitialised memory for activations, marked as of this device, aligned for any element. Called several times by
  // every op, so a device keeps what is freed. Throws Error(kMemory).
  virtual StorageRef allocate(size_t bytes) = 0;
  // Bytes from the host into storage of this device, and back. Both return when the copy is done.
  virtual void upload(const void* from, size_t bytes, const StorageRef& to, size_t offset) = 0;
  virtual void download(const StorageRef& from, size_t offset, size_t bytes, void* to) = 0;
  // Fills `to`, contiguous, with the values of `from`, which has the same shape, any strides and any type. Both are of
  // this device. `to` is f32, f16 or bf16, or has the type of `from`. Floats narrow with round-to-nearest-even.
  virtual void convert(const Tensor& from, Tensor& to) = 0;
};

// Throws Error(kUnsupported) for a device that no backend has added.
DeviceMemory& device_memory(Device device);

// Called by a backend when it is made. `memory` lives until the program ends.
void add_device_memory(Device device, DeviceMemory& memory);

}  // namespace easel
