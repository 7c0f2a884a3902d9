#include "tensor/device_memory.h"

#include <array>
#include <atomic>
#include <cstring>

#include "base/error.h"
#include "tensor/host_memory.h"

namespace easel {
namespace {

constexpr size_t kKinds = 3, kIndices = 256;

// Lock-free, because every allocation on a device reads it.
std::array<std::atomic<DeviceMemory*>, kKinds * kIndices>& memories() {
  static auto* all = new std::array<std::atomic<DeviceMemory*>, kKinds * kIndices>{};
  return *all;
}

size_t slot(Device device) { return static_cast<size_t>(device.kind) * kIndices + device.index; }

}  // namespace

std::string device_name(Device device) {
  constexpr std::array<const char*, kKinds> kNames{"cpu", "reference", "vulkan"};
  const std::string name = kNames[static_cast<size_t>(device.kind)];
  return device.index == 0 ? name : name + ":" + std::to_string(device.index);
}

DeviceMemory& device_memory(Device device) {
  if (device == kHost) return host_memory();
  DeviceMemory* found = memories()[slot(device)].load(std::memory_order_acquire);
  if (!found) throw Error(Fault::kUnsupported, "the device '" + device_name(device) + "' is not in use");
  return *found;
}

void add_device_memory(Device device, DeviceMemory& memory) {
  memories()[slot(device)].store(&memory, std::memory_order_release);
}

}  // namespace easel
