// The memory of a device: the interface behind the constructor of Tensor, Tensor::to() and convert().
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
  // Uninitialised memory for activations on this device, aligned for any element. Every op calls it several times, so a
  // device should keep freed blocks. Throws Error(kMemory).
  virtual StorageRef allocate(size_t bytes) = 0;
  // Copies between the host and storage of this device. Both return when the copy is complete.
  virtual void upload(const void* from, size_t bytes, const StorageRef& to, size_t offset) = 0;
  virtual void download(const StorageRef& from, size_t offset, size_t bytes, void* to) = 0;
  // Fills `to`, which is contiguous, with the values of `from`, which has the same shape, any strides and any type.
  // Both are on this device. `to` is f32, f16 or bf16, or has the type of `from`. Floats are rounded to nearest even.
  virtual void convert(const Tensor& from, Tensor& to) = 0;
};

// Throws Error(kUnsupported) if no backend has added the device.
DeviceMemory& device_memory(Device device);

// Called by the constructors of backends. `memory` must live until the program ends.
void add_device_memory(Device device, DeviceMemory& memory);

}  // namespace easel
